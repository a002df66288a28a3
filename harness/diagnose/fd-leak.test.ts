import { expect, test } from 'vitest';
import type { ScenarioEvidence } from '../analyze/evidence.ts';
import { makeEvidence, makeScenario, type VariantNumbers } from '../test/evidence.ts';
import { diagnose } from './diagnose.ts';
import { descriptorBalance, findFdLeak } from './fd-leak.ts';

const rounds = { count: 2, warmupMs: 0, unobservedMs: 1000, observedMs: 4000 };
const scenario = makeScenario({
  variants: { server: { fixture: 'fd-leak', netpoller: 'epoll' } },
  reference: 'server',
  rounds,
});

function observed(numbers: Partial<VariantNumbers>, change?: (e: ScenarioEvidence) => void) {
  const evidence = makeEvidence({ scenario, numbers: { server: { requests: 5_000, ...numbers } } });
  change?.(evidence);
  return evidence;
}

function withoutProbe({ rounds: all }: ScenarioEvidence) {
  for (const round of all) {
    round.netprobe = null;
  }
}

function withoutProc({ rounds: all }: ScenarioEvidence) {
  for (const { record } of all) {
    for (const edges of Object.values(record.windows.observed)) {
      edges.begin.proc.openFds = null;
      edges.end.proc.openFds = null;
    }
  }
}

const leaked = { socket: 50, file: 50 };

test.for<[what: string, evidence: ScenarioEvidence, state: string]>([
  ['both views see it', observed({ leaked }), 'confirmed'],
  ['both views see nothing', observed({}), 'ruled-out'],
  ['eBPF alone sees it', observed({ leaked, procLeaked: {} }), 'suspected'],
  ['/proc alone sees it', observed({ procLeaked: leaked }), 'suspected'],
  ['the views differ twofold', observed({ leaked, procLeaked: { socket: 50 } }), 'suspected'],
  ['/proc is within 5 %', observed({ leaked, procLeaked: { socket: 96 } }), 'confirmed'],
  ['/proc is 8 % off', observed({ leaked, procLeaked: { socket: 92 } }), 'suspected'],
  ['eBPF is lost, /proc sees it', observed({ leaked }, withoutProbe), 'suspected'],
  // One view is not enough to acquit, nor is it a reason to suspect the server.
  ['eBPF is lost, /proc sees nothing', observed({}, withoutProbe), 'unknown'],
  ['/proc is not readable, eBPF sees nothing', observed({}, withoutProc), 'unknown'],
  ['too few requests to see a leak', observed({ requests: 100 }), 'unknown'],
  [
    'netprobe lost events',
    observed({}, (e) => {
      for (const { netprobe } of e.rounds) {
        for (const { lost } of Object.values(netprobe?.targets ?? {})) {
          lost['fdMapFull'] = 1;
        }
      }
    }),
    'unknown',
  ],
  ['/proc is not readable, eBPF sees it', observed({ leaked }, withoutProc), 'suspected'],
  [
    'nobody could look',
    observed({ leaked }, (e) => {
      withoutProbe(e);
      withoutProc(e);
    }),
    'unknown',
  ],
  ['there were no requests', observed({ requests: 0 }), 'unknown'],
  ['four descriptors of the server’s own', observed({ leaked: { socket: 2 } }), 'ruled-out'],
  ['one of 5,000 requests, 5 in all', observed({ leaked: { file: 2 } }), 'ruled-out'],
  ['closed descriptors of before', observed({ procLeaked: { socket: -40 } }), 'ruled-out'],
])('%s: %s', ([, evidence, state]) => {
  expect(findFdLeak(evidence, 'server').state).toBe(state);
});

test('a leak is told in descriptors per 1,000 requests, by kind, from both views', () => {
  const finding = findFdLeak(observed({ leaked }), 'server');
  expect(finding.summary).toBe(
    '20.0 descriptors leaked per 1,000 requests (per 1,000: socket 10.0, file 10.0)',
  );
  expect(finding.evidence.map(({ view, says }) => [view, says])).toEqual([
    [
      'kernel',
      expect.stringMatching(
        /^400 opened, 200 of them closed, 200 still open after 10,000 requests/,
      ),
    ],
    ['proc', expect.stringMatching(/^\+200 descriptors over the same windows/)],
  ]);
  expect(finding.remedy).toContain('resp.Body.Close()');
});

test('a disagreement says what each view counts', () => {
  const { summary } = findFdLeak(observed({ leaked, procLeaked: {} }), 'server');
  expect(summary).toBe('leaked descriptors: eBPF counts 200, /proc counts 0');
  const blind = findFdLeak(observed({ leaked }, withoutProbe), 'server');
  expect(blind.summary).toBe('leaked descriptors: eBPF could not look, /proc counts 200');
  expect(blind.remedy).toContain('npm run doctor');
});

test('the balance adds the windows that eBPF saw, and /proc over the same ones', () => {
  const evidence = observed({ leaked });
  const second = evidence.rounds[1];
  if (second) {
    second.netprobe = null; // Its /proc growth must not be held against one eBPF window.
  }
  expect(descriptorBalance(evidence, 'server')).toEqual({
    requests: 5_000,
    opened: { socket: 150, file: 50 },
    closed: { socket: 100 },
    leaked,
    procGrowth: { socket: 50, file: 50, epoll: 0 },
  });
  expect(findFdLeak(evidence, 'server').state).toBe('confirmed');
});

test('every variant gets a finding; without a round there is nothing to say', () => {
  const evidence = makeEvidence({ numbers: { io_uring: { leaked: { file: 100 } } } });
  expect(diagnose(evidence).map(({ variant, state }) => [variant, state])).toEqual([
    ['epoll', 'ruled-out'],
    ['io_uring', 'confirmed'],
  ]);
  expect(diagnose({ ...evidence, rounds: [] })).toEqual([]);
});

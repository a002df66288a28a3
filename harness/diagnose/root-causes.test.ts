import { cp, mkdtemp, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Observation, readObservation } from '../analyze/observation.ts';
import { checkJson } from '../lib/json.ts';
import { rootDir } from '../lib/paths.ts';
import { renderDiagnosisText } from '../report/diag/console.ts';
import { renderDiagnosisHtml } from '../report/diag/html.ts';
import { renderDiagnosisMarkdown } from '../report/diag/markdown.ts';
import { Diagnosis, diagnoseProcess } from './diagnosis.ts';
import { rankCauses, rules } from './root-causes.ts';

/** Of a real run: `faulty --fault file-leak,lock-convoy`, ten seconds, without its trace. */
const recorded = join(rootDir, 'harness', 'test', 'recorded-diagnosis');

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pollgate-diagnosis-'));
  await cp(recorded, dir, { recursive: true });
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const stateOf = (seen: Observation, cause: string) =>
  rankCauses(seen, 'faulty').find((finding) => finding.cause === cause)?.state;

test('two faults of one server come first, and nothing else is confirmed', async () => {
  const findings = rankCauses(await readObservation(dir), 'faulty');

  expect(findings.slice(0, 2).map(({ cause }) => cause)).toEqual(
    expect.arrayContaining(['fd-leak', 'lock-convoy']),
  );
  expect(
    findings
      .filter(({ state, consequenceOf }) => state === 'confirmed' && consequenceOf === undefined)
      .map(({ cause }) => cause),
  ).toEqual(['lock-convoy']);
  expect(findings).toHaveLength(rules.length);
});

test('every statement of what was seen is a claim card with a number and its denominator', async () => {
  const cards = rankCauses(await readObservation(dir), 'faulty').flatMap(
    ({ evidence }) => evidence,
  );
  expect(cards.length).toBeGreaterThan(10);
  for (const { says, card } of cards) {
    expect(card, says).toMatchObject({ value: expect.any(Number), of: expect.stringMatching(/./) });
    expect(Number.isFinite(card?.value), says).toBe(true);
  }
});

test('one view alone suspects and says what would confirm it', async () => {
  await rm(join(dir, 'netprobe'), { recursive: true });
  const seen = await readObservation(dir);

  expect(stateOf(seen, 'lock-convoy')).toBe('suspected');
  expect(stateOf(seen, 'fd-leak')).toBe('unknown');
  const found = rankCauses(seen, 'faulty').find(({ cause }) => cause === 'lock-convoy');
  expect(found?.summary).toContain('to confirm it, mend');
});

test('without pprof nothing is confirmed, and the kernel still suspects the leak', async () => {
  await rm(join(dir, 'pprof'), { recursive: true });
  const seen = await readObservation(dir);

  expect(rankCauses(seen, 'faulty').map(({ state }) => state)).not.toContain('confirmed');
  expect(stateOf(seen, 'fd-leak')).toBe('suspected');
});

test('without anything every cause is unknown, none is ruled out', async () => {
  for (const part of ['netprobe', 'pprof', 'proc']) {
    await rm(join(dir, part), { recursive: true });
  }
  const states = rankCauses(await readObservation(dir), 'faulty').map(({ state }) => state);
  expect(new Set(states)).toEqual(new Set(['unknown']));
});

test('a profile that was cut short is named as damaged and shows nothing', async () => {
  await truncate(join(dir, 'pprof', 'cpu.pb.gz'), 2_000);
  const seen = await readObservation(dir);

  expect(seen.damaged).toEqual([expect.stringContaining('CPU profile')]);
  expect(seen.runtime.cpu).toBeNull();
  expect(stateOf(seen, 'gc-pressure')).not.toBe('confirmed');
});

test('the diagnosis fits its schema and is rendered without what was not taken going unsaid', async () => {
  await rm(join(dir, 'pprof', 'cpu.pb.gz'));
  const report = diagnoseProcess(await readObservation(dir), 'a-run');
  checkJson(report, Diagnosis, { name: 'the diagnosis', remedy: '' });

  expect(renderDiagnosisText(report)).toMatch(/lock-convoy confirmed by both views\n$/);
  expect(renderDiagnosisMarkdown(report)).toContain('### lock-convoy');
  const page = renderDiagnosisHtml(report);
  expect(page).toContain('What the kernel saw');
  expect(page).not.toMatch(/<script src|<link rel="stylesheet"/);
});

test('contention profiles, where the program has switched them on, name who held and what was waited for', async () => {
  const seen = await readObservation(dir);
  const frame = (name: string) => ({ function: name, file: '/src/server.go', line: 7 });
  const under = [
    frame('main.(*server).handle'),
    frame('net/http.HandlerFunc.ServeHTTP'),
    frame('net/http.(*conn).serve'),
  ];
  const stacks = (...all: [number, ...string[]][]) => ({
    total: all.reduce((sum, [value]) => sum + value, 0),
    stacks: all.map(([value, ...leaf]) => ({ frames: [...leaf.map(frame), ...under], value })),
    durationNs: seen.windowNs,
  });
  const loud: Observation = {
    ...seen,
    runtime: {
      ...seen.runtime,
      mutex: stacks([1_000_000, 'sync.(*Mutex).Unlock'], [3_000_000_000, 'sync.(*RWMutex).Unlock']),
      block: stacks(
        [9_000_000_000, 'sync.(*Mutex).Lock'],
        [2_000_000_000, 'runtime.chanrecv1'],
        [-5, 'runtime.selectgo'],
      ),
    },
  };
  const said = (observation: Observation, cause: string, source: string) =>
    rankCauses(observation, 'faulty')
      .find((finding) => finding.cause === cause)
      ?.evidence.filter((evidence) => evidence.source === source)
      .map(({ says, card }) => `${says}, of ${card?.of}`);
  expect(said(loud, 'lock-convoy', 'mutex profile')).toEqual([
    '3.00 s waited for the lock that main.(*server).handle (server.go:7) gives back, of 3.00 s that goroutines waited for locks',
  ]);
  expect(said(loud, 'channel-wait', 'block profile')).toEqual([
    'requests waited 2.00 s at main.(*server).handle (server.go:7), of 2.00 s that requests waited on channels',
  ]);
  expect(said(seen, 'lock-convoy', 'mutex profile')).toEqual([]);
});

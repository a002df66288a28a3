import { cp, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { LoadResult } from '../capture/load-result.ts';
import { rootDir } from '../lib/paths.ts';
import type { GatePlan } from '../plan/gate-plan.ts';
import type { GateRecord, GateRound } from '../run/gate-record.ts';
import { readGateEvidence } from './gate-evidence.ts';

// A real run of two rounds, with the working tree against itself.

const recorded = join(rootDir, 'harness', 'test', 'recorded-gate');
const unit = 'io_uring/hello-http/epoll';
let runDir = '';

beforeEach(async () => {
  runDir = await mkdtemp(join(tmpdir(), 'pollgate-gate-'));
  await cp(recorded, runDir, { recursive: true });
});
afterEach(() => rm(runDir, { recursive: true }));

const file = (name: string) => join(runDir, unit, name);

async function edit<T>(path: string, change: (value: T) => void): Promise<void> {
  const value = JSON.parse(await readFile(path, 'utf8')) as T;
  change(value);
  await writeFile(path, JSON.stringify(value));
}

const editGate = (change: (record: GateRecord) => void) => edit(join(runDir, 'gate.json'), change);
const editRound = (change: (round: GateRound) => void) =>
  edit(file('round-02/gate-round.json'), change);
const editLoad = (change: (load: LoadResult) => void) => edit(file('round-02/load.json'), change);

test('a run: its record, and the rounds of each unit', async () => {
  const { record, units } = await readGateEvidence(runDir);
  expect(record.plans.map(({ id }) => id)).toEqual(['hello-http']);
  expect(units.map(({ rounds }) => rounds.map((each) => each.record.round))).toEqual([[1, 2]]);
});

test('a round that was not finished is left out, and a unit that was not begun is empty', async () => {
  await rm(file('round-02/gate-round.json'));
  await editGate((record) => {
    const later = { ...(record.plans[0] as GatePlan), suite: 'later', id: 'one' };
    record.plans.push(later);
    record.hypotheses *= 2;
  });
  const { units } = await readGateEvidence(runDir);
  expect(units.map(({ rounds }) => rounds.length)).toEqual([1, 0]);
});

test('no run of a gate', async () => {
  await rm(join(runDir, 'gate.json'));
  await expect(readGateEvidence(runDir)).rejects.toMatchObject({ exitCode: 2 });
});

const damages: Record<string, [RegExp, () => Promise<void>]> = {
  'gate.json empty': [/gate\.json is not JSON/, () => writeFile(join(runDir, 'gate.json'), '')],
  'another schema': [/schema/, () => editGate((r) => Object.assign(r, { schema: 2 }))],
  'a unit twice': [/plans io_uring.* twice/, () => editGate(({ plans }) => plans.push(...plans))],
  'a limit taken out': [
    /has 4 limits, and was run for 5/,
    () =>
      editGate(({ plans: [p] }) => Reflect.deleteProperty(p?.limitPercent ?? {}, 'latency-p99')),
  ],
  'a metric renamed': [
    /unknown setting "latency-p98"/,
    () => editGate(({ plans: [p] }) => Object.assign(p?.limitPercent ?? {}, { 'latency-p98': 5 })),
  ],
  'a limit that is no number': [
    /limitPercent\/latency-p50: null seen/,
    () =>
      editGate(({ plans: [p] }) => Object.assign(p?.limitPercent ?? {}, { 'latency-p50': null })),
  ],
  'no builds': [/no builds of/, () => editGate((r) => Object.assign(r, { builds: {} }))],
  'a torn round': [
    /gate-round\.json is not JSON/,
    async () => {
      const text = await readFile(file('round-02/gate-round.json'), 'utf8');
      await writeFile(file('round-02/gate-round.json'), text.slice(0, 700));
    },
  ],
  'a round without load': [/load\.json cannot be read/, () => rm(file('round-01/load.json'))],
  'null for a counter': [
    /gate-round\.json is not valid/,
    () => editRound((r) => Object.assign(r.windows.mixed.head.begin.proc, { cpuNs: null })),
  ],
  'a program missing': [
    /"head" is missing/,
    () => editRound((r) => Reflect.deleteProperty(r.servers, 'head')),
  ],
  'a gap': [
    /has round 2, and no round 1/,
    () => rm(file('round-01'), { recursive: true, force: true }),
  ],
  'a round copied to another place': [
    /round-02 holds round 1 with seed/,
    async () => {
      await rm(file('round-02'), { recursive: true });
      await cp(file('round-01'), file('round-02'), { recursive: true });
    },
  ],
  'a copy beside the others': [
    /round-03 is none of the 2 rounds/,
    () => cp(file('round-01'), file('round-03'), { recursive: true }),
  ],
  'the load of another round': [
    /holds round 2 with seed/,
    () => cp(file('round-01/load.json'), file('round-02/load.json')),
  ],
  'another order': [/order/, () => editRound((r) => r.order.reverse())],
  'programs that changed places': [
    /head ran a program with sha256 a4c0/,
    () =>
      editGate(({ builds }) => {
        const own = builds[unit];
        if (own) {
          own.head.sha256 = 'f'.repeat(64);
        }
      }),
  ],
  'an arm without load': [
    /mixed was not recorded as a whole \(control\)/,
    () => editLoad(({ phases: [mixed] }) => Reflect.deleteProperty(mixed?.arms ?? {}, 'control')),
  ],
  'a window missing': [
    /sliced was not recorded as a whole/,
    () => editLoad(({ phases }) => phases.pop()),
  ],
  'a generator that was stopped': [
    /mixed was not recorded as a whole \(interrupted\)/,
    () => editLoad((load) => Object.assign(load, { interrupted: true })),
  ],
  'windows that changed names': [
    /mixed has interleave "slice", expected "request"/,
    () =>
      editLoad(({ phases: [mixed, sliced] }) => {
        Object.assign(mixed ?? {}, { name: 'sliced' });
        Object.assign(sliced ?? {}, { name: 'mixed' });
      }),
  ],
};

test.for(Object.entries(damages))('refused: %s', async ([, [why, damage]]) => {
  await damage();
  await expect(readGateEvidence(runDir)).rejects.toMatchObject({
    exitCode: 3,
    message: expect.stringMatching(why),
  });
});

test('rounds of two units that changed places', async () => {
  await editGate((record) => {
    const [plan] = record.plans;
    const own = record.builds[unit];
    if (plan && own) {
      const rounds = plan.rounds.map((round) => ({ ...round, seed: `${round.seed}1` }));
      record.plans.push({ ...plan, variant: 'other', rounds });
      record.hypotheses *= 2;
      record.builds['io_uring/hello-http/other'] = own;
    }
  });
  await rename(join(runDir, unit), join(runDir, 'io_uring/hello-http/other'));
  await expect(readGateEvidence(runDir)).rejects.toMatchObject({ exitCode: 3 });
});

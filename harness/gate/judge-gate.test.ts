import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { type GateEvidence, readGateEvidence } from '../analyze/gate-evidence.ts';
import { checkJson, formatJson } from '../lib/json.ts';
import { rootDir } from '../lib/paths.ts';
import { unitName } from '../plan/gate-plan.ts';
import { renderGateText } from '../report/gate/console.ts';
import { renderGateMarkdown } from '../report/gate/markdown.ts';
import { looks } from './design.ts';
import { GateReport } from './gate-report.ts';
import { judgeGate } from './judge-gate.ts';

let recorded: GateEvidence;

beforeAll(async () => {
  recorded = await readGateEvidence(join(rootDir, 'harness/test/recorded-gate'));
});

/** The two recorded rounds, again and again. */
function evidence(rounds: number, change: (evidence: GateEvidence) => void = () => {}) {
  const all = structuredClone(recorded);
  for (const unit of all.units) {
    const [first, second] = unit.rounds;
    unit.rounds = Array.from({ length: rounds }, (_, index) =>
      structuredClone((index % 2 === 0 ? first : second) as (typeof unit.rounds)[number]),
    );
  }
  change(all);
  return all;
}

test('equal evidence gives equal bytes, and they keep the schema', () => {
  const [one, other] = [judgeGate(evidence(looks[0])), judgeGate(evidence(looks[0]))];
  expect(formatJson(one)).toBe(formatJson(other));
  checkJson(one, GateReport, { name: 'report', remedy: '' });
  expect(renderGateMarkdown(one)).toBe(renderGateMarkdown(other));
  expect(renderGateText(one)).toContain(one.headline);
  expect(one.limits).toBe(recorded.record.hypotheses);
});

test('the middle of the rounds stands beside each verdict, and nothing where no round has a value', () => {
  const report = judgeGate(evidence(looks[0]));
  const [p50] = report.units[0]?.verdicts ?? [];
  expect(p50?.values?.['base']).toBeGreaterThan(1_000);
  const dead = evidence(looks[0], ({ units }) => {
    for (const { load } of units.flatMap((unit) => unit.rounds)) {
      for (const phase of load.phases) {
        Object.assign(phase.arms['head']?.validity ?? {}, { absolute: 'invalid' });
      }
    }
  });
  expect(judgeGate(dead).units[0]?.verdicts[0]?.values).toBeNull();
});

test('before the first look nothing is decided, and that is no pass', () => {
  const report = judgeGate(evidence(2));
  expect(report).toMatchObject({ outcome: 'undecided', exitCode: 6, compared: 0 });
  expect(report.units[0]?.verdicts[0]?.why).toBe('2 rounds, and no look is as early');
});

test.for([
  ['interrupted', 130, 'interrupted'],
  ['failed', 4, 'infra-error'],
  ['running', 0, 'interrupted'],
] as const)('a run that is %s has no verdict', ([status, failureExit, outcome]) => {
  const report = judgeGate(
    evidence(looks[0], ({ record }) => {
      Object.assign(record, { status, failureExit, failure: 'the server died\nat night' });
    }),
  );
  expect(report.outcome).toBe(outcome);
  expect(report.exitCode).toBe(status === 'running' ? 130 : failureExit);
  expect(report.headline).toMatch(/^No verdict: /);
});

test('a unit whose base does not have the program is incomparable, and leaves the others as they are', () => {
  const rounds = looks[0];
  const plain = judgeGate(evidence(rounds));
  const report = judgeGate(
    evidence(rounds, ({ record, units }) => {
      const [first] = units;
      const plan = { ...structuredClone(first?.plan as (typeof units)[number]['plan']), id: 'new' };
      record.plans.push(plan);
      record.incomparable = { [unitName(plan)]: 'the base has no such program' };
      units.push({ plan, rounds: [] });
    }),
  );
  const [judged, fresh] = [report.units.slice(0, -1), report.units.at(-1)];
  expect(judged).toEqual(plain.units);
  expect(fresh?.verdicts.map(({ outcome }) => outcome)).toEqual(
    fresh?.verdicts.map(() => 'incomparable'),
  );
  expect(fresh?.verdicts[0]?.why).toBe('the base has no such program');
  expect(report.exitCode).toBeGreaterThanOrEqual(6);
  expect(report.compared).toBe(plain.compared);
  expect(renderGateText(report)).toContain('incomparable');
});

test('without limits nothing is gated, which is invalid', () => {
  const report = judgeGate(evidence(looks[0], (all) => all.units.splice(0)));
  expect(report).toMatchObject({ outcome: 'invalid', exitCode: 3, headline: 'Nothing was gated.' });
});

test('a slower head is regressed: exit code 1, named with its figures', () => {
  const report = judgeGate(
    evidence(looks[0], ({ units }) => {
      for (const { record, load } of units.flatMap((unit) => unit.rounds)) {
        // Two rounds say little of the machine: here both builds of the base are one.
        for (const phase of load.phases) {
          Object.assign(phase.arms, { control: phase.arms['base'] });
        }
        for (const mode of ['mixed', 'sliced'] as const) {
          record.windows[mode].control = record.windows[mode].base;
          const { begin, end } = record.windows[mode].head;
          // Half as much CPU time again.
          if (begin.fixture && end.fixture) {
            const spent = end.fixture.userCpuNs - begin.fixture.userCpuNs;
            end.fixture.userCpuNs += spent;
          }
        }
      }
    }),
  );
  expect(report.exitCode).toBe(1);
  expect(report.headline).toMatch(/^Regressed: .*hello-http\/epoll CPU\/request/);
  const verdict = report.units[0]?.verdicts.find(({ metric }) => metric === 'cpu-per-request');
  expect(verdict).toMatchObject({ outcome: 'regressed', afterRounds: looks[0] });
  expect(renderGateMarkdown(report)).toContain('**regressed**');
});

test('a head that fails its load in several windows is invalid, whatever the other rounds say', () => {
  const spoil = (arms: readonly string[], windows: number, changed: object = {}) =>
    judgeGate(
      evidence(looks[0], ({ units }) => {
        const rounds = units.flatMap((unit) => unit.rounds).slice(0, windows);
        for (const arm of rounds.flatMap(({ load }) =>
          arms.map((name) => load.phases[0]?.arms[name]),
        )) {
          Object.assign(arm?.validity ?? {}, {
            absolute: 'invalid',
            reasons: [
              {
                rule: 'loss',
                grade: 'invalid',
                cause: 'server',
                seen: 0.1,
                limit: 0.001,
                unit: 'ratio',
                text: '10 % lost',
                ...changed,
              },
            ],
          });
        }
      }),
    );
  const alone = spoil(['head'], 2);
  expect(alone.exitCode).toBe(3);
  expect(alone.units[0]?.verdicts.every(({ outcome }) => outcome === 'invalid')).toBe(true);
  expect(alone.units[0]?.verdicts[0]?.why).toContain('10 % lost');
  // Once is an accident, and what all three do is the scenario's or the machine's doing.
  expect(spoil(['head'], 1).exitCode).not.toBe(3);
  expect(spoil(['base', 'control', 'head'], 2).exitCode).not.toBe(3);
  // Nor is what the generator did, or what is but suspect.
  expect(spoil(['head'], 2, { cause: 'generator' }).exitCode).not.toBe(3);
  expect(spoil(['head'], 2, { grade: 'suspect' }).exitCode).not.toBe(3);
});

test('requests that fail at the head, and hardly at the base, are no green', () => {
  const failing = (counts: Record<string, number>) =>
    judgeGate(
      evidence(looks[0], ({ units }) => {
        const windows = units[0]?.rounds[0]?.load.phases ?? [];
        for (const [arm, reset] of Object.entries(counts)) {
          Object.assign(windows.at(-1)?.arms[arm]?.errors ?? {}, { reset });
        }
      }),
    );
  const head = failing({ head: 12, base: 1 });
  expect(head.exitCode).toBe(3);
  expect(head.headline).toMatch(/^Invalid data: /);
  expect(head.units[0]?.verdicts[0]?.why).toBe(
    '12 requests to the head failed, and 1 to both builds of the base',
  );
  // A network that loses some for all, and a handful that may be chance.
  expect(failing({ head: 12, base: 10, control: 14 }).exitCode).not.toBe(3);
  expect(failing({ head: 8 }).exitCode).not.toBe(3);
  expect(failing({ base: 40 }).exitCode).not.toBe(3);
});

test('a machine that was mostly somewhere else is no witness', () => {
  const report = judgeGate(
    evidence(looks[0], ({ record, units }) => {
      const fitness = { loadAverage1: 0, stealRatio: 0, calibrationNs: 1 };
      const unit = units[0] ? unitName(units[0].plan) : '';
      record.fitness = [{ unit, before: fitness, after: { ...fitness, stealRatio: 0.4 } }];
    }),
  );
  expect(report.exitCode).toBe(6);
  expect(report.units[0]?.verdicts.at(-1)?.metric).toBe('allocations-per-request');
  expect(report.units[0]?.verdicts.at(-1)?.why).not.toContain('hypervisor');
  expect(report.units[0]?.verdicts[0]?.why).toBe(
    'the hypervisor took 40 % of the CPU time meanwhile',
  );
});

test('a machine that others use: warned of, and beyond a level no witness of times', () => {
  const beside = (foreignCpuRatio: number) =>
    judgeGate(
      evidence(looks[0], ({ record, units }) => {
        const fitness = { loadAverage1: 0, stealRatio: 0, calibrationNs: 1 };
        const unit = units[0] ? unitName(units[0].plan) : '';
        record.fitness = [{ unit, before: fitness, after: { ...fitness, foreignCpuRatio } }];
      }),
    );
  const foreign = 'other programs of this machine took';
  const whys = (share: number) => beside(share).units[0]?.verdicts.map(({ why }) => why) ?? [];
  // Half of all CPU time is what the gate is promised to work beside.
  expect(whys(0.5).some((why) => why.includes(foreign))).toBe(false);
  expect(beside(0.5).warnings[0]).toContain(`${foreign} 50 %`);
  expect(whys(0.8)[0]).toContain(`${foreign} 80 %`);
  expect(beside(0.8).units[0]?.verdicts[0]?.outcome).toBe('unmeasurable');
  // What is counted is the same beside anyone.
  expect(whys(0.8).at(-1)).not.toContain(foreign);
});

import type { Evidence, ScenarioEvidence } from '../analyze/evidence.ts';
import { sameFingerprint } from '../host/fingerprint.ts';
import { isMetricId } from '../scenario/metric.ts';
import { designSha256 } from './design.ts';
import { unfitness } from './judge.ts';
import { judgeInputOf } from './judge-input.ts';

/** A prediction interval from two runs is some nine times as wide as their spread. */
export const fewestRuns = 3;
/** The centre of fewer rounds is that of one neighbour. */
const fewestRounds = 4;

/**
 * Why a run cannot become part of a baseline, in words that follow «it cannot:»; undefined if it can.
 * @param newest the first run that was taken; the others must be of the same kind
 */
export function refusalOf(
  { record, scenarios }: Evidence,
  suite: string,
  newest: Evidence | undefined,
): string | undefined {
  const unknown = sameFingerprint(record.fingerprint, record.fingerprint);
  const rules: [broken: boolean, why: string][] = [
    [record.suite !== suite, `it is a run of ${record.suite}`],
    [record.status !== 'complete', `it is ${record.status}`],
    [record.dirty, 'the tree had uncommitted changes'],
    [!/^[0-9a-f]{40,64}$/.test(record.revision), 'it does not know its revision'],
    [record.quick, 'it is a --quick run'],
    [record.lost.length > 0, `it is degraded: no ${record.lost[0]?.what}`],
    [scenarios.length === 0, 'it has no scenario'],
    [scenarios.some(lostInRounds), 'a round lost a capture'],
    [scenarios.some(({ plan }) => plan.rounds.length < 2), 'it has a single round'],
    [
      scenarios.some(({ plan }) => plan.rounds.length < fewestRounds),
      `it has fewer than ${fewestRounds} rounds`,
    ],
    [scenarios.some(({ plan, rounds }) => rounds.length < plan.rounds.length), 'it lacks a round'],
    [unknown.length > 0, `its machine is not known (${unknown.join(', ')})`],
  ];
  const own = rules.find(([broken]) => broken)?.[1] ?? unfitOf({ record, scenarios });
  return own ?? (newest && differenceOf({ record, scenarios }, newest));
}

/** What no run may be judged by, no run may be judged against. */
function unfitOf({ record, scenarios }: Evidence): string | undefined {
  for (const evidence of scenarios) {
    const input = judgeInputOf(record, evidence);
    const { gates, variants } = evidence.plan.scenario;
    for (const metric of Object.keys(gates).filter(isMetricId)) {
      for (const variant of Object.keys(variants)) {
        const measurement = input.measurements.find(
          (each) => each.variant === variant && each.metric === metric,
        );
        const unfit = unfitness(input, variant, metric, measurement);
        if (unfit !== null) {
          return `${evidence.plan.id} ${variant} ${metric}: ${unfit.found}`;
        }
      }
    }
  }
  return undefined;
}

/** What parts a run from the newest one, of which the spread between runs must not know. */
function differenceOf(run: Evidence, newest: Evidence): string | undefined {
  const machine = sameFingerprint(newest.record.fingerprint, run.record.fingerprint);
  const rules: [broken: boolean, why: string][] = [
    [designs(newest) !== designs(run), 'its scenarios are not the same'],
    [
      newest.record.revision !== run.record.revision,
      'it is of another revision than the newest run',
    ],
    [
      // The binaries tell apart what the revision cannot: a server in a repository of its own.
      binaries(newest) !== binaries(run),
      'its servers are other binaries than those of the newest run',
    ],
    [machine.length > 0, `its machine is not that of the newest run (${machine.join(', ')})`],
  ];
  return rules.find(([broken]) => broken)?.[1];
}

function designs({ scenarios }: Evidence): string {
  return scenarios.map(({ plan }) => `${plan.id} ${designSha256(plan)}`).join();
}

function binaries({ record }: Evidence): string {
  return record.builds.map(({ name, sha256 }) => `${name} ${sha256}`).join();
}

function lostInRounds({ rounds }: ScenarioEvidence): boolean {
  return rounds.some(({ record }) => Object.keys(record.missing).length > 0);
}

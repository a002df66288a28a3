import type { Ending, TestCounts, TurnResult } from './events.ts';

/** All turns of one side of one package. */
export interface Side {
  tests: Map<string, TestCounts>;
  /** One a turn. */
  endings: Ending[];
  said: string[];
}

/** Worse under the experiment than on stock: what the command exits 1 for. */
export const deviationKinds = [
  'fails',
  'fails more often',
  'does not end',
  'does not run',
  'is skipped',
  'package ends early',
] as const;
/** Different from test to test, and nothing that the experiment is to blame for. */
export const remarkKinds = [
  'fails on stock too',
  'varies on stock',
  'fails on stock only',
] as const;

type DeviationKind = (typeof deviationKinds)[number];
type RemarkKind = (typeof remarkKinds)[number];

interface Difference<Kind> {
  /** Of the test; '' for the package. */
  test: string;
  kind: Kind;
  stock: TestCounts;
  experiment: TestCounts;
}

export interface PackageComparison {
  deviations: Difference<DeviationKind>[];
  remarks: Difference<RemarkKind>[];
}

/** A test that varies on stock deviates where chance makes it fail that often once in so many times. */
const chanceLimit = 0.01;

/** Puts the turns of one side together. */
export function joinTurns(turns: readonly TurnResult[]): Side {
  const tests = new Map<string, TestCounts>();
  for (const turn of turns) {
    for (const [name, counts] of turn.tests) {
      const sum = tests.get(name) ?? none();
      tests.set(name, {
        pass: sum.pass + counts.pass,
        fail: sum.fail + counts.fail,
        skip: sum.skip + counts.skip,
        unfinished: sum.unfinished + counts.unfinished,
      });
    }
  }
  return {
    tests,
    endings: turns.map(({ ending }) => ending),
    said: turns.flatMap(({ said }) => said),
  };
}

/**
 * Compares test by test. A test that fails with a subtest of it is left out: the subtest says it.
 * Nothing is repeated until it passes: both sides ran equally often, and all their results count.
 */
export function comparePackage(stock: Side, experiment: Side): PackageComparison {
  const deviations: Difference<DeviationKind>[] = [];
  const remarks: Difference<RemarkKind>[] = [];
  const cutShort = experiment.endings.some(isEarly);
  for (const test of new Set([...stock.tests.keys(), ...experiment.tests.keys()])) {
    const pair = {
      test,
      stock: stock.tests.get(test) ?? none(),
      experiment: experiment.tests.get(test) ?? none(),
    };
    const deviation = deviationOf(pair.stock, pair.experiment, cutShort);
    if (deviation !== undefined) {
      deviations.push({ ...pair, kind: deviation });
      continue;
    }
    const remark = remarkOf(pair.stock, pair.experiment);
    if (remark !== undefined) {
      remarks.push({ ...pair, kind: remark });
    }
  }
  const whole = packageDeviation(stock, experiment);
  return {
    deviations: [...withoutParents(deviations), ...(whole === undefined ? [] : [whole])],
    remarks: withoutParents(remarks),
  };
}

function deviationOf(
  stock: TestCounts,
  experiment: TestCounts,
  cutShort: boolean,
): DeviationKind | undefined {
  const [stockBad, bad] = [badOf(stock), badOf(experiment)];
  if (bad > 0 && stockBad === 0) {
    return experiment.fail > 0 ? 'fails' : 'does not end';
  }
  if (bad > 0) {
    const worse = chanceOfAsMany(
      { bad: stockBad, of: timesOf(stock) },
      { bad, of: timesOf(experiment) },
    );
    return worse < chanceLimit ? 'fails more often' : undefined;
  }
  if (stock.pass > 0 && stockBad === 0 && experiment.pass === 0) {
    if (experiment.skip > 0 && stock.skip === 0) {
      return 'is skipped';
    }
    // A process that ended early is one deviation, and not one of each test that it did not reach.
    return experiment.skip === 0 && !cutShort ? 'does not run' : undefined;
  }
  return undefined;
}

function remarkOf(stock: TestCounts, experiment: TestCounts): RemarkKind | undefined {
  if (badOf(stock) === 0) {
    return undefined;
  }
  if (stock.pass > 0) {
    return 'varies on stock';
  }
  return badOf(experiment) > 0 ? 'fails on stock too' : 'fails on stock only';
}

function packageDeviation(stock: Side, experiment: Side): Difference<DeviationKind> | undefined {
  const early = (side: Side) => side.endings.filter(isEarly).length;
  const pair = { bad: early(stock), of: stock.endings.length };
  const other = { bad: early(experiment), of: experiment.endings.length };
  if (other.bad === 0 || (pair.bad > 0 && chanceOfAsMany(pair, other) >= chanceLimit)) {
    return undefined;
  }
  const counts = ({ bad, of }: Share): TestCounts => ({ ...none(), pass: of - bad, fail: bad });
  return { test: '', kind: 'package ends early', stock: counts(pair), experiment: counts(other) };
}

function isEarly(ending: Ending): boolean {
  return ending === 'hang' || ending === 'crash' || ending === 'build';
}

interface Share {
  bad: number;
  of: number;
}

/**
 * Fisher's exact test, one-sided: how probable at least `b.bad` of all failures are on side b, were
 * both sides equal (hypergeometric distribution).
 */
export function chanceOfAsMany(a: Share, b: Share): number {
  const [of, bad] = [a.of + b.of, a.bad + b.bad];
  let chance = 0;
  for (let k = b.bad; k <= Math.min(bad, b.of); k++) {
    if (bad - k <= a.of) {
      chance += Math.exp(logChoose(b.of, k) + logChoose(a.of, bad - k) - logChoose(of, bad));
    }
  }
  return Math.min(chance, 1);
}

function logChoose(n: number, k: number): number {
  let sum = 0;
  for (let i = 1; i <= k; i++) {
    sum += Math.log((n - k + i) / i);
  }
  return sum;
}

function withoutParents<Kind>(differences: readonly Difference<Kind>[]): Difference<Kind>[] {
  return differences.filter(
    ({ test, kind }) =>
      !differences.some((other) => other.kind === kind && other.test.startsWith(`${test}/`)),
  );
}

export function badOf({ fail, unfinished }: TestCounts): number {
  return fail + unfinished;
}

function timesOf({ pass, fail, unfinished }: TestCounts): number {
  return pass + fail + unfinished;
}

function none(): TestCounts {
  return { pass: 0, fail: 0, skip: 0, unfinished: 0 };
}

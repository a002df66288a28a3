import { expect, test } from 'vitest';
import { crossingProbabilities, groupSequentialDesign, type Look } from './group-sequential.ts';
import { normalUpperTail } from './normal.ts';
import { normals } from './random.ts';
import {
  hwangShihDeCaniSpending,
  obrienFlemingSpending,
  pocockSpending,
  powerSpending,
} from './spending.ts';
import { binomialSlack } from './testing/simulation.ts';

const fifths = [0.2, 0.4, 0.6, 0.8, 1];
const fourLooks = [0.3, 0.5, 0.75, 1];

/** How far a value is from its reference, as a share of it. */
function gap(value: number, reference: number): number {
  return Math.abs(value / reference - 1);
}

// The programs that computed them integrate on a coarse grid, hence a tolerance of 2 in the last
// but one digit. LD98 and gsDesign: 0.025 one-sided; SeqBounds.jl, README: 0.05 one-sided.
test.for([
  [obrienFlemingSpending(0.025), fifths, [4.8769, 3.3569, 2.6803, 2.2898, 2.031]],
  [pocockSpending(0.025), fifths, [2.438, 2.4268, 2.4101, 2.3966, 2.3859]],
  [obrienFlemingSpending(0.05), [0.25, 0.5, 0.75, 1], [3.74955, 2.53993, 2.01604, 1.72014]],
] as const)('agrees with published bounds, %#', ([upper, information, published]) => {
  const design = groupSequentialDesign({ information, upper });
  for (const [k, z] of published.entries()) {
    expect(Math.abs((design[k]?.upper.z ?? Number.NaN) - z)).toBeLessThan(2e-4);
  }
});

// mpmath 1.4.1 with 30 digits: root of ∫ φ(z)·Q((z₂√t₂ − z√t₁)/√(t₂ − t₁)) dz = increment.
test.for([
  [obrienFlemingSpending(0.025), [0.5, 1], [0.001525322757988909, 0.02449977178966268]],
  [obrienFlemingSpending(0.0002), [0.4, 0.6], [4.095696461378583e-9, 1.5753808450836e-6]],
  [pocockSpending(0.0002), [0.3, 1], [8.314704436872574e-5, 0.0001201975814040676]],
  [powerSpending(1e-8, 8), [0.5, 0.6], [3.90625e-11, 1.401155164841247e-10]],
  [pocockSpending(1e-10), [0.5, 1], [6.201145069582775e-11, 3.828968597216159e-11]],
  [obrienFlemingSpending(0.4), [0.98, 1], [0.3952328959186127, 0.3436429902729773]],
] as const)(
  'two looks have the levels of a double integral, %#',
  ([upper, information, levels]) => {
    const design = groupSequentialDesign({ information, upper });
    for (const [k, level] of levels.entries()) {
      expect(gap(design[k]?.upper.level ?? Number.NaN, level)).toBeLessThan(1e-11);
    }
  },
);

// SciPy 1.17.1: 1 − multivariate_normal.cdf of the first j bounds (abseps 1e-11), j = 1, 2, 3.
test.for([
  [obrienFlemingSpending(0.025), [0.3, 0.6, 1], 3, [0.0111445494, 0.3648222594, 0.8479517886]],
  [pocockSpending(0.025), [0.3, 0.6, 1], 3, [0.2518537597, 0.5326478076, 0.7940164678]],
  [obrienFlemingSpending(0.025), [0.2, 0.7, 0.8], 3, [2.036993e-4, 0.5286906061, 0.6577611254]],
  [pocockSpending(0.025), [0.3, 0.6, 1], 0, [0.0103933805, 0.0177128267, 0.025]],
] as const)(
  'three looks cross as often as SciPy says, %#',
  ([upper, information, drift, shares]) => {
    const design = groupSequentialDesign({ information, upper });
    let crossed = 0;
    for (const [k, { upper: share }] of crossingProbabilities(design, drift).looks.entries()) {
      crossed += share;
      expect(Math.abs(crossed - (shares[k] ?? Number.NaN))).toBeLessThan(3e-9);
    }
  },
);

test('spends exactly what is granted, each side as if it were alone', () => {
  const upper = obrienFlemingSpending(0.0002);
  const lower = hwangShihDeCaniSpending(0.05, -2);
  const design = groupSequentialDesign({ information: fourLooks, upper, lower });
  const alone = groupSequentialDesign({ information: fourLooks, upper });
  expect(design.map((look) => look.upper)).toEqual(alone.map((look) => look.upper));
  for (const [k, look] of design.entries()) {
    const information = fourLooks[k] ?? Number.NaN;
    expect(look.information).toBe(information);
    expect(look.upper.spent).toBe(upper(information));
    expect(look.lower?.spent).toBe(lower(information));
    expect(look.upper.level).toBe(normalUpperTail(look.upper.z));
    expect(look.lower?.level).toBe(normalUpperTail(-(look.lower?.z ?? 0)));
  }
  const { looks } = crossingProbabilities(alone, 0);
  const early = (looks[0]?.upper ?? 0) + (looks[1]?.upper ?? 0);
  expect(gap(early, upper(0.5))).toBeLessThan(1e-11);
});

test('the other side’s bound can only lower an error', () => {
  const side = pocockSpending(0.2);
  const design = groupSequentialDesign({ information: fourLooks, upper: side, lower: side });
  const both = crossingProbabilities(design, 0);
  expect(both.upper).toBeLessThan(0.2);
  expect(both.upper).toBeGreaterThan(0.17);
  expect(both.lower).toBeCloseTo(both.upper, 13);
});

test('a single look is a plain test', () => {
  const [only] = groupSequentialDesign({ information: [1], upper: pocockSpending(0.001) });
  expect(only?.upper.level).toBeCloseTo(0.001, 15);
  expect(only?.upper.spent).toBe(0.001);
});

test('a level lies between what its look spends and all that is spent', () => {
  for (const upper of [obrienFlemingSpending(0.005), pocockSpending(0.005)]) {
    let before = 0;
    for (const { upper: bound } of groupSequentialDesign({ information: fifths, upper })) {
      expect(bound.level).toBeGreaterThanOrEqual((bound.spent - before) * (1 - 1e-12));
      expect(bound.level).toBeLessThanOrEqual(bound.spent * (1 + 1e-12));
      before = bound.spent;
    }
  }
});

test('a look that is granted next to nothing decides nothing and leaves it to the next', () => {
  const upper = obrienFlemingSpending(0.0002);
  const design = groupSequentialDesign({ information: [0.01, 0.05, 1], upper });
  for (const look of design.slice(0, 2)) {
    expect(look.upper).toEqual({ spent: 0, level: 0, z: Infinity });
  }
  expect(gap(design[2]?.upper.level ?? 0, 0.0002)).toBeLessThan(1e-12);
  expect(crossingProbabilities(design, 0).upper).toBeCloseTo(0.0002, 15);
});

test('stays accurate for looks after each of 30 rounds', () => {
  const information = Array.from({ length: 30 }, (_, i) => (i + 1) / 30);
  const design = groupSequentialDesign({ information, upper: pocockSpending(0.0002) });
  expect(gap(crossingProbabilities(design, 0).upper, 0.0002)).toBeLessThan(1e-10);
});

test('equal sides mirror each other', () => {
  const side = hwangShihDeCaniSpending(0.01, -2);
  const design = groupSequentialDesign({ information: fourLooks, upper: side, lower: side });
  for (const look of design) {
    expect(look.lower).toEqual({ ...look.upper, z: -look.upper.z });
  }
  const up = crossingProbabilities(design, 2.5);
  const down = crossingProbabilities(design, -2.5);
  expect(up.upper).toBeCloseTo(down.lower, 13);
  expect(up.expectedLooks).toBeCloseTo(down.expectedLooks, 13);
  expect(up.upper + up.lower + up.neither).toBeCloseTo(1, 13);
});

test('power rises with the drift and the run gets shorter', () => {
  const design = groupSequentialDesign({ information: fifths, upper: pocockSpending(0.0005) });
  const steps = [0, 2, 4, 6, 8, 12].map((drift) => crossingProbabilities(design, drift));
  for (const [k, step] of steps.slice(1).entries()) {
    expect(step.upper).toBeGreaterThan(steps[k]?.upper ?? 1);
    expect(step.expectedLooks).toBeLessThan(steps[k]?.expectedLooks ?? 0);
    expect(step.expectedInformation).toBeCloseTo(step.expectedLooks / 5, 12);
  }
  const certain = crossingProbabilities(design, 1000);
  expect(certain).toMatchObject({ upper: 1, neither: 0, expectedLooks: 1 });
});

/** Shares of simulated runs that end above and below, and the looks that they take. */
function simulate(design: readonly Look[], drift: number, trials: number) {
  const normal = normals(2024n);
  const ends = { upper: 0, lower: 0, looks: 0 };
  for (let trial = 0; trial < trials; trial++) {
    let score = 0;
    let before = 0;
    for (const { information, upper, lower } of design) {
      const step = information - before;
      score += drift * step + Math.sqrt(step) * normal();
      before = information;
      ends.looks += 1;
      const z = score / Math.sqrt(information);
      if (z >= upper.z || z <= (lower?.z ?? -Infinity)) {
        ends[z >= upper.z ? 'upper' : 'lower'] += 1;
        break;
      }
    }
  }
  return { upper: ends.upper / trials, lower: ends.lower / trials, looks: ends.looks / trials };
}

test.for([0, 1.5, -2])('simulated runs end as computed, drift %d', (drift) => {
  const design = groupSequentialDesign({
    information: fourLooks,
    upper: obrienFlemingSpending(0.05),
    lower: pocockSpending(0.1),
  });
  const trials = 40_000;
  const seen = simulate(design, drift, trials);
  const computed = crossingProbabilities(design, drift);
  for (const side of ['upper', 'lower'] as const) {
    const slack = binomialSlack(computed[side], trials);
    expect(Math.abs(seen[side] - computed[side])).toBeLessThan(slack);
  }
  // The number of looks is within [1, 4], so that its standard deviation is at most 1.5.
  expect(Math.abs(seen.looks - computed.expectedLooks)).toBeLessThan(
    (3.9 * 1.5) / Math.sqrt(trials),
  );
});

test.for([
  [[]],
  [[0.5, 0.5]],
  [[0.5, 0.4]],
  [[0.5, 1.01]],
  [[0, 1]],
  [[Number.NaN]],
  [[0.5, 0.5005]],
])('refuses the times %j', ([information]) => {
  const upper = pocockSpending(0.025);
  expect(() => groupSequentialDesign({ information: information ?? [], upper })).toThrow(
    RangeError,
  );
});

test('refuses spending that falls, leaves its range or is no number', () => {
  for (const upper of [(t: number) => 0.1 - 0.1 * t, () => 0.5, () => Number.NaN, () => -0.1]) {
    expect(() => groupSequentialDesign({ information: [0.5, 1], upper })).toThrow('must rise');
  }
});

test('refuses a drift that is no finite number, and a design without looks', () => {
  const design = groupSequentialDesign({ information: [1], upper: pocockSpending(0.025) });
  expect(() => crossingProbabilities(design, Number.NaN)).toThrow('finite number, got NaN');
  expect(() => crossingProbabilities(design, Infinity)).toThrow('got Infinity');
  expect(() => crossingProbabilities([], 0)).toThrow('at least one look');
});

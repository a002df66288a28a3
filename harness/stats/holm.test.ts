import { expect, test } from 'vitest';
import { holm } from './holm.ts';
import { normalUpperTail } from './normal.ts';
import { normals, randomIntegers } from './random.ts';
import { binomialSlack } from './testing/simulation.ts';

// statsmodels 0.15.0, multipletests(p, method='holm') (SciPy has no Holm); the first also by hand:
// 4·0.005, 3·0.01, 2·0.03, and 0.04 raised to its predecessor's 0.06.
test.for([
  [
    [0.01, 0.04, 0.03, 0.005],
    [0.03, 0.06, 0.06, 0.02],
  ],
  [
    [0.02, 0.02, 0.02, 0.5, 0.9],
    [0.1, 0.1, 0.1, 1, 1],
  ],
  [
    [1e-12, 0.3, 0.011, 0.011, 0.04, 0.6],
    [6e-12, 0.6, 0.055, 0.055, 0.12, 0.6],
  ],
  [[0.0001], [0.0001]],
  [[], []],
  [
    [0, 1, 1],
    [0, 1, 1],
  ],
] as const)('%j becomes %j', ([pValues, reference]) => {
  const adjusted = holm(pValues);
  expect(adjusted).toHaveLength(reference.length);
  for (const [index, p] of adjusted.entries()) {
    expect(p).toBeCloseTo(reference[index] ?? Number.NaN, 15);
  }
});

/** Between 0 and 1, with ties. */
function drawn(seed: bigint, count: number): number[] {
  const below = randomIntegers(seed);
  return Array.from({ length: count }, () => (below(50) / 50) ** 3);
}

test('lies between the p-value and Bonferroni’s, keeps order and ties', () => {
  for (let seed = 0n; seed < 50n; seed++) {
    const pValues = drawn(seed, 12);
    const adjusted = holm(pValues);
    for (const [i, p] of pValues.entries()) {
      expect(adjusted[i]).toBeGreaterThanOrEqual(p);
      expect(adjusted[i]).toBeLessThanOrEqual(Math.min(1, 12 * p));
      for (const [j, other] of pValues.entries()) {
        const difference = Math.sign((adjusted[i] ?? 0) - (adjusted[j] ?? 0));
        expect(difference * Math.sign(p - other)).toBeGreaterThanOrEqual(0);
        expect(p === other && difference !== 0).toBe(false);
      }
    }
    expect(holm([...pValues].reverse())).toEqual([...adjusted].reverse());
    expect(pValues).toEqual(drawn(seed, 12));
  }
});

test('rejects what stepping down from the smallest rejects', () => {
  for (let seed = 0n; seed < 200n; seed++) {
    const pValues = drawn(seed, 8).map((p) => p / 4);
    const ascending = [...pValues].sort((one, other) => one - other);
    const stop = ascending.findIndex((p, rank) => p * (8 - rank) > 0.05);
    const expected = stop < 0 ? 8 : stop;
    expect(holm(pValues).filter((p) => p <= 0.05)).toHaveLength(expected);
  }
});

test.for([0, 5])('rejects a true hypothesis in 5 of 100 families, %d of 10 false', (effects) => {
  const normal = normals(BigInt(40 + effects));
  const trials = 4_000;
  let families = 0;
  for (let trial = 0; trial < trials; trial++) {
    const pValues = Array.from({ length: 10 }, (_, test) =>
      normalUpperTail(normal() + (test < effects ? 6 : 0)),
    );
    families += holm(pValues).some((p, test) => test >= effects && p <= 0.05) ? 1 : 0;
  }
  // Independent: 1 − (1 − 0.05/m)^m, with m the true ones, as the false ones are all rejected first.
  const size = 1 - (1 - 0.05 / (10 - effects)) ** (10 - effects);
  expect(Math.abs(families / trials - size)).toBeLessThan(binomialSlack(size, trials));
});

test.for([Number.NaN, -0.01, 1.01, Number.POSITIVE_INFINITY])('refuses %d and says where', (p) => {
  expect(() => holm([0.2, p, 0.1])).toThrow(`p-value 2 of 3 lies not in [0, 1]: ${p}`);
  expect(() => holm([p])).toThrow(RangeError);
});

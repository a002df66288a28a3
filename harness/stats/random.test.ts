import { expect, test } from 'vitest';
import { randomIntegers, seedFromName, splitMix64 } from './random.ts';

test('SplitMix64 gives the published sequence', () => {
  // Test vector of the reference implementation (S. Vigna, splitmix64.c) for the seed 1234567, as
  // in Rosetta Code «Pseudo-random numbers/Splitmix64»; the seed 0 as in Java's SplittableRandom.
  const next = splitMix64(1_234_567n);
  expect([next(), next(), next(), next(), next()]).toEqual([
    6457827717110365317n,
    3203168211198807973n,
    9817491932198370423n,
    4593380528125082431n,
    16408922859458223821n,
  ]);
  const fromZero = splitMix64(0n);
  expect([fromZero(), fromZero(), fromZero()]).toEqual([
    0xe220a8397b1dcdafn,
    0x6e789e6aa1b965f4n,
    0x06c45d188009454fn,
  ]);
});

// Outputs of a separate implementation in Python of xoshiro128**, seeded with the halves (low, high)
// of two SplitMix64 values. That implementation gives 11520, 0, 5927040, 70819200, 2031721883 … for
// the state 1, 2, 3, 4, the vector that Vigna's xoshiro128starstar.c and rand_xoshiro's tests give.
test.for([
  [1n, [1695105466, 1423115009, 634581793, 1068227753, 716759206, 4186505319, 3777694425]],
  [1234567n, [1967786208, 270031234, 1115494691, 824886977, 1639868524, 2161081248, 2838648034]],
  [2n ** 64n - 1n, [477689756, 2493998634, 555695776, 607808419, 61340979, 301466976, 2478485284]],
] as const)('xoshiro128** from the seed %s', ([seed, expected]) => {
  const next = randomIntegers(seed);
  expect(expected.map(() => next(2 ** 32))).toEqual([...expected]);
});

test('integers stay below their bound and use all of it', () => {
  const next = randomIntegers(7n);
  const counts = new Array<number>(6).fill(0);
  for (let i = 0; i < 60_000; i++) {
    const value = next(6);
    counts[value] = (counts[value] ?? Number.NaN) + 1;
  }
  expect(counts).toHaveLength(6);
  // χ² with 5 degrees of freedom; 25.7 is its quantile at 1 − 10⁻⁴.
  const chiSquare = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
  expect(chiSquare).toBeLessThan(25.7);
  expect([next(1), next(1), next(1)]).toEqual([0, 0, 0]);
});

test('a name becomes its FNV-1a hash over UTF-8', () => {
  // Vectors of the FNV authors (draft-eastlake-fnv, appendix C): "", "a", "foobar".
  expect(['', 'a', 'foobar'].map(seedFromName)).toEqual([
    0xcbf29ce484222325n,
    0xaf63dc4c8601ec8cn,
    0x85944171f73967e8n,
  ]);
  expect(seedFromName('café')).toBe(0x48e8823acfa40d89n); // By a separate implementation in Python.
});

import { expect, test } from 'vitest';
import {
  hwangShihDeCaniSpending,
  obrienFlemingSpending,
  pocockSpending,
  powerSpending,
  type SpendingFunction,
} from './spending.ts';

const families: [string, (alpha: number) => SpendingFunction][] = [
  ['O’Brien and Fleming', obrienFlemingSpending],
  ['Pocock', pocockSpending],
  ['Hwang, Shih, De Cani −4', (alpha) => hwangShihDeCaniSpending(alpha, -4)],
  ['Hwang, Shih, De Cani 0', (alpha) => hwangShihDeCaniSpending(alpha, 0)],
  ['Hwang, Shih, De Cani 2', (alpha) => hwangShihDeCaniSpending(alpha, 2)],
  ['Hwang, Shih, De Cani −40', (alpha) => hwangShihDeCaniSpending(alpha, -40)],
  ['power 3', (alpha) => powerSpending(alpha, 3)],
];

// mpmath 1.4.1 with 30 digits, the definitions evaluated as they stand; 2·norm.sf of SciPy 1.17.1
// agrees for the first.
test.for([
  ['O’Brien and Fleming', obrienFlemingSpending(0.025), 0.1, 1.3612514892298824e-12],
  ['O’Brien and Fleming', obrienFlemingSpending(0.025), 0.2, 5.388712629058744e-7],
  ['O’Brien and Fleming', obrienFlemingSpending(0.025), 0.5, 0.0015253227579889088],
  ['O’Brien and Fleming', obrienFlemingSpending(0.025), 0.9, 0.018144996379811405],
  ['O’Brien and Fleming', obrienFlemingSpending(0.0002), 0.2, 9.100202429638065e-17],
  ['O’Brien and Fleming', obrienFlemingSpending(0.0002), 0.5, 1.444605492484244e-7],
  ['Pocock', pocockSpending(0.025), 0.2, 0.007384863228008691],
  ['Pocock', pocockSpending(0.025), 0.5, 0.015502862673956938],
  ['Hwang, Shih, De Cani −4', hwangShihDeCaniSpending(0.025, -4), 0.2, 0.0005716339685859552],
  ['Hwang, Shih, De Cani −4', hwangShihDeCaniSpending(0.025, -4), 0.9, 0.016604227208245344],
  ['Hwang, Shih, De Cani 2', hwangShihDeCaniSpending(0.025, 2), 0.5, 0.01827646446575012],
  ['power 3', powerSpending(0.025, 3), 0.2, 0.0002],
] as const)('%s spends as defined, %#', ([, spending, information, reference]) => {
  expect(Math.abs(spending(information) / reference - 1)).toBeLessThan(1e-11);
});

test.for(families)('%s rises from next to nothing to exactly alpha', ([, family]) => {
  for (const alpha of [0.49, 0.025, 0.0002, 1e-10]) {
    const spending = family(alpha);
    expect(spending(1)).toBe(alpha);
    expect(spending(1e-9)).toBeGreaterThanOrEqual(0);
    expect(spending(1e-9)).toBeLessThan(1e-8 * alpha);
    const path = Array.from({ length: 100 }, (_, i) => spending((i + 1) / 100));
    expect(path[60]).toBeGreaterThan(path[50] ?? 1);
    expect(path.every((value, i) => i === 0 || value >= (path[i - 1] ?? 0))).toBe(true);
  }
});

test('all but O’Brien and Fleming’s are shares of alpha that do not depend on alpha', () => {
  for (const [name, family] of families.slice(1)) {
    expect(family(0.2)(0.3) / 0.2, name).toBeCloseTo(family(0.002)(0.3) / 0.002, 12);
  }
  expect(obrienFlemingSpending(0.2)(0.3) / 0.2).toBeGreaterThan(
    obrienFlemingSpending(0.002)(0.3) / 0.002,
  );
});

test('gamma 0 and rho 1 both spend evenly, and a small gamma comes near it', () => {
  expect(hwangShihDeCaniSpending(0.05, 0)(0.3)).toBeCloseTo(0.015, 15);
  expect(powerSpending(0.05, 1)(0.3)).toBeCloseTo(0.015, 15);
  expect(hwangShihDeCaniSpending(0.05, 1e-9)(0.3)).toBeCloseTo(0.015, 10);
});

test.for([0, -0.1, 1.0000001, Number.NaN])('refuses the share of information %d', (information) => {
  for (const [, family] of families) {
    expect(() => family(0.025)(information)).toThrow(`in (0, 1], got ${information}`);
  }
});

test.for([0, -0.1, 0.5, 1, Number.NaN])('refuses alpha %d', (alpha) => {
  for (const [, family] of families) {
    expect(() => family(alpha)).toThrow(RangeError);
    expect(() => family(alpha)).toThrow(`in (0, 0.5), got ${alpha}`);
  }
});

test('refuses parameters outside their range', () => {
  for (const gamma of [-40.1, 41, Number.NaN]) {
    expect(() => hwangShihDeCaniSpending(0.025, gamma)).toThrow(`got ${gamma}`);
  }
  for (const rho of [0, -1, 51, Number.NaN]) {
    expect(() => powerSpending(0.025, rho)).toThrow(`rho must be in (0, 50], got ${rho}`);
  }
});

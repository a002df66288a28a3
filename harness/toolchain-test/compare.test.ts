import { expect, test } from 'vitest';
import { chanceOfAsMany, comparePackage, joinTurns } from './compare.ts';
import { readRecorded } from './testing/recorded.ts';

async function compareRecorded(stock: readonly string[], experiment: readonly string[]) {
  const side = async (names: readonly string[]) =>
    joinTurns(await Promise.all(names.map((name) => readRecorded(name))));
  const { deviations, remarks } = comparePackage(await side(stock), await side(experiment));
  const brief = (list: readonly { test: string; kind: string }[]) =>
    Object.fromEntries(list.map(({ test: name, kind }) => [name, kind]));
  return { deviations: brief(deviations), remarks: brief(remarks) };
}

test('each way to do worse is a deviation, each way that is not to blame a remark', async () => {
  expect(await compareRecorded(['stock'], ['experiment'])).toEqual({
    deviations: {
      'TestFailsUnderTheExperiment/bad': 'fails',
      TestSkippedUnderTheExperiment: 'is skipped',
      TestFailsMoreOften: 'fails more often',
    },
    remarks: {
      TestFailsOnBoth: 'fails on stock too',
      TestVaries: 'varies on stock',
      TestFailsOnStockOnly: 'fails on stock only',
    },
  });
});

test('what runs twice on one toolchain does not deviate from itself', async () => {
  for (const name of ['stock', 'experiment', 'hang', 'panic']) {
    expect((await compareRecorded([name], [name])).deviations).toEqual({});
  }
});

test('of a test that hangs, it and the package are named, not what it kept from running', async () => {
  expect((await compareRecorded(['stock'], ['hang'])).deviations).toEqual({
    TestHangs: 'does not end',
    TestSkippedUnderTheExperiment: 'is skipped',
    // Not TestFailsMoreOften: 1 of 1 and 1 of 10 may be chance.
    'TestFailsUnderTheExperiment/bad': 'fails',
    '': 'package ends early',
  });
});

test('one turn that ends early among good ones is a deviation', async () => {
  expect(await compareRecorded(['stock', 'stock'], ['stock', 'panic'])).toMatchObject({
    deviations: { TestPanics: 'fails', '': 'package ends early' },
  });
});

test('a package that does not compile deviates, and one that compiles on neither side does not', async () => {
  expect((await compareRecorded(['stock'], ['build'])).deviations).toEqual({
    '': 'package ends early',
  });
  expect((await compareRecorded(['build'], ['build'])).deviations).toEqual({});
});

test('a test that vanishes from a process that came to its end is a deviation', async () => {
  const stock = joinTurns([await readRecorded('stock')]);
  const experiment = joinTurns([await readRecorded('stock')]);
  experiment.tests.delete('TestPasses');
  expect(comparePackage(stock, experiment).deviations).toMatchObject([
    { test: 'TestPasses', kind: 'does not run' },
  ]);
});

// R: phyper(9, 11, 9, 10, lower.tail = FALSE), and phyper(2, 6, 14, 10, lower.tail = FALSE)
test('the chance of so many failures is that of Fisher’s exact test', () => {
  expect(chanceOfAsMany({ bad: 1, of: 10 }, { bad: 10, of: 10 })).toBeCloseTo(11 / 184_756, 12);
  expect(chanceOfAsMany({ bad: 3, of: 10 }, { bad: 3, of: 10 })).toBeCloseTo(26_580 / 38_760, 12);
  expect(chanceOfAsMany({ bad: 0, of: 10 }, { bad: 0, of: 10 })).toBe(1);
});

import { expect, test } from 'vitest';
import { checkJson } from '../lib/json.ts';
import { readFitness } from './fitness.ts';
import { Fitness } from './host.ts';

test('two readings in a row are valid, and the second counts from the first', {
  timeout: 60_000,
}, async () => {
  const first = await readFitness();
  const second = await readFitness(first);
  for (const { fitness } of [first, second]) {
    checkJson(fitness, Fitness, { name: 'fitness', remedy: '' });
    expect(fitness.calibrationNs).toBeGreaterThan(0);
  }
  expect(second.load.cpu.total).toBeGreaterThan(first.load.cpu.total);
  const elapsed = second.load.cpu.total - first.load.cpu.total;
  const stolen = second.load.cpu.steal - first.load.cpu.steal;
  expect(second.fitness.stealRatio).toBeCloseTo(stolen / elapsed, 12);
});

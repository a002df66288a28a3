import { expect, test } from 'vitest';
import { mean } from '../testing/spread.ts';
import { type Machine, noEffect } from '../world.ts';
import { worlds } from './index.ts';

/** Everything that a machine can do, once. */
function life(machine: Machine) {
  machine.start(3);
  machine.idle(3_000);
  const slices = machine.slices([noEffect, noEffect, noEffect], 1_500);
  machine.start(2);
  const mixed = machine.mixed([noEffect, noEffect], 1_500);
  return [slices, mixed, machine.alone(noEffect, 1_500)];
}

test('there are at least eight worlds, each with a name of its own and one sentence', () => {
  expect(worlds.length).toBeGreaterThanOrEqual(8);
  expect(new Set(worlds.map(({ name }) => name)).size).toBe(worlds.length);
  for (const { description } of worlds) {
    expect(description).toMatch(/^[A-Z][^.]+\.$/);
  }
});

test.for(worlds)('$name: equal seeds give equal machines, others do not', (world) => {
  const first = life(world.open(1n));
  expect(life(world.open(1n))).toEqual(first);
  expect(life(world.open(2n))).not.toEqual(first);
});

test.for(worlds)('$name: an effect is what the world says that it is', (world) => {
  const effect = { p50: 1.07, p99: 1.4, cpu: 1.2 };
  const [plain, changed] = [world.open(1n), world.open(1n)];
  for (let round = 0; round < 20; round++) {
    // The same machine, the same noise, another program: the ratio is exact but for rounding.
    const windows = [plain, changed].map((machine, i) => {
      machine.start(1);
      machine.idle(3_000);
      return machine.alone(i === 0 ? noEffect : effect, 2_000);
    });
    const ratio = (key: 'p50Ns' | 'p99Ns' | 'cpuPerRequestNs') =>
      (windows[1]?.[key] ?? 0) / (windows[0]?.[key] ?? 0);
    expect(ratio('p50Ns')).toBeCloseTo(1.07 ** world.amplification, 4);
    expect(ratio('p99Ns')).toBeCloseTo(1.4 ** world.amplification, 4);
    expect(ratio('cpuPerRequestNs')).toBeCloseTo(1.2, 3);
  }
});

test('only where requests queue does latency make more of a change', () => {
  const amplified = worlds.filter(({ amplification }) => amplification !== 1);
  expect(amplified.map(({ name, amplification }) => [name, amplification])).toEqual([
    ['saturation', 2.2],
  ]);
});

test.for(worlds)('$name: of two equal programs neither is the slower one', (world) => {
  const machines = 300;
  for (const design of ['slices', 'mixed'] as const) {
    const pairs = Array.from({ length: machines }, (_, seed) => {
      const machine = world.open(BigInt(seed));
      machine.start(2);
      return machine[design]([noEffect, noEffect], 1_000);
    });
    for (const key of ['p50Ns', 'p99Ns', 'meanNs', 'cpuPerRequestNs'] as const) {
      const slower = pairs.map(([a, b]) => Math.sign((b?.[key] ?? 0) - (a?.[key] ?? 0)));
      expect(Math.abs(mean(slower))).toBeLessThan(3.9 / Math.sqrt(machines));
    }
  }
});

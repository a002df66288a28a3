import { expect, test } from 'vitest';
import { claim } from './claim.ts';

const common = { value: 1, unit: 'ns', of: 'the window', windowNs: 10, says: 'so' } as const;

test('a claim names its view, how its source samples, and the window', () => {
  expect(claim({ ...common, source: 'execution trace', quantity: 'network-time' })).toEqual({
    view: 'runtime',
    source: 'execution trace',
    says: 'so',
    card: {
      quantity: 'network-time',
      value: 1,
      unit: 'ns',
      of: 'the window',
      sampling: 'every event, in a slice of the window',
      windowNs: 10,
      frames: [],
    },
  });
});

test('what a source cannot show does not compile', () => {
  // The compiler checks this: an expectation that no longer fails is an error of its own.
  // @ts-expect-error The block profile never sees a wait for the network.
  claim({ ...common, source: 'block profile', quantity: 'network-time' });
  // @ts-expect-error A snapshot has no durations.
  claim({ ...common, source: 'goroutine profile', quantity: 'run-queue-time' });
  // @ts-expect-error CPU time says nothing of descriptors.
  claim({ ...common, source: 'CPU profile', quantity: 'descriptors' });
  expect(claim({ ...common, source: 'block profile', quantity: 'lock-time' }).view).toBe('runtime');
});

import { expect, test } from 'vitest';
import { placeOn } from './placement.ts';

test.for([
  [[0], '0', -1],
  [[0, 1], '0', 1],
  [[0, 1, 2], '0', 2],
  [[0, 1, 2, 3], '1,2', 3],
  [[0, 1, 2, 3, 4, 5, 6, 7], '1,2', 7],
  [[4, 6], '4', 6],
  [[2, 5, 9, 11], '5,9', 11],
] as [number[], string, number][])(
  'CPUs %j: servers on %s, generator on %d',
  ([cpus, servers, generator]) => {
    expect(placeOn(cpus)).toEqual({ servers, generator });
  },
);

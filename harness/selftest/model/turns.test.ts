import { expect, test } from 'vitest';
import { placeInTurn } from './turns.ts';

test('two take turns there and back, more go round', () => {
  const turns = (arms: number) => Array.from({ length: 8 }, (_, slice) => placeInTurn(slice, arms));
  expect(turns(1)).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
  expect(turns(2)).toEqual([0, 1, 1, 0, 0, 1, 1, 0]);
  expect(turns(3)).toEqual([0, 1, 2, 0, 1, 2, 0, 1]);
});

import { expect, test } from 'vitest';
import {
  type ExitCode,
  exitCode,
  infrastructureError,
  invalidDataError,
  messageOf,
  PollgateError,
  usageError,
  worstExit,
} from './errors.ts';

// design.md, section 5: interrupted, 2, 4, 3, 5, 1, 6.
const order: ExitCode[] = [130, 143, 2, 4, 3, 5, 1, 6, 0];

test('the order names every exit code once', () => {
  expect(order.toSorted()).toEqual(Object.values(exitCode).toSorted());
});

const pairs = order.flatMap((worse, index) =>
  order.slice(index).map((milder): [ExitCode, ExitCode] => [worse, milder]),
);

test.for(pairs)('%d outweighs %d', ([worse, milder]) => {
  expect(worstExit([milder, worse])).toBe(worse);
  expect(worstExit(new Set([worse, milder]))).toBe(worse);
});

test('of nothing and of all', () => {
  expect(worstExit([])).toBe(0);
  expect(worstExit(order.toReversed())).toBe(130);
  expect(worstExit([0, 0, 6, 0])).toBe(6);
});

test.for([
  [usageError('no such suite', 'npm run bench'), 2],
  [invalidDataError('no data', 'repeat'), 3],
  [infrastructureError('no server', 'look', new Error('ECONNREFUSED')), 4],
] as const)('%s has its exit code and remedy', ([error, code]) => {
  expect(error).toBeInstanceOf(PollgateError);
  expect(error.exitCode).toBe(code);
  expect(error.remedy).not.toBe('');
  expect(error.name).toBe('PollgateError');
});

test('keeps the cause', () => {
  const cause = new Error('ECONNREFUSED');
  expect(infrastructureError('no server', 'look', cause).cause).toBe(cause);
});

test('anything that is thrown has a message', () => {
  expect([new Error('a'), 'b', 3, null, undefined].map(messageOf)).toEqual([
    'a',
    'b',
    '3',
    'null',
    'undefined',
  ]);
});

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseTruthLog } from './truth-log.ts';

const recorded = await readFile(join(import.meta.dirname, 'testdata', 'truth.txt'), 'utf8');

test('a log of truthd, 50 µs a request', () => {
  const log = parseTruthLog(recorded);
  expect(log).toHaveLength(20);
  expect(log[0]).toEqual({
    beganNs: 13_530_217_215_794,
    replyNs: 50_024,
    busyNs: 69_943,
  });
  expect(log.every(({ replyNs }) => replyNs >= 50_000)).toBe(true);
});

test('a log without a request', () => {
  expect(parseTruthLog('connection,beganNs,wroteNs,freedNs\n')).toEqual([]);
});

test('what is no log of truthd is refused with what was seen', () => {
  expect(() => parseTruthLog('a,b\n1,2\n')).toThrow(/begins with "a,b", expected connection,/);
  expect(() => parseTruthLog('')).toThrow(/begins with ""/);
});

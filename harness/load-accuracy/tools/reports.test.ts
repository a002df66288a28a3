/** Reports as the generators wrote them; testdata/bombardier.txt alone is made after its template. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PollgateError } from '../../lib/errors.ts';
import type { Job } from '../tool.ts';
import { allTools } from './index.ts';
import { parseLoad } from './ours.ts';

const sample = (name: string) =>
  readFile(join(import.meta.dirname, '..', 'testdata', `${name}.txt`), 'utf8');

function toolOf(id: string) {
  const found = allTools.find((tool) => tool.id === id);
  if (found === undefined) {
    throw new Error(`no generator ${id}`);
  }
  return found;
}

const us = 1e3;
const expected: Record<string, [completed: number, p50: number, p90: number, p99: number]> = {
  ours: [100, 293_119, 323_327, 404_735],
  wrk: [16_865, 126 * us, 137 * us, 193 * us],
  'autocannon-us': [12_873, 130 * us, 183 * us, 494 * us],
  autocannon: [201, 0, 6_000 * us, 9_000 * us],
  hey: [400, 500 * us, 800 * us, 4_200 * us],
  bombardier: [199, 301 * us, 402 * us, 1_210 * us],
  oha: [200, 309_078, 430_497, 2_621_913],
  fortio: [200, 329_070, 575_000, 12_796_230],
  vegeta: [200, 521_562, 833_980, 4_121_052],
  k6: [201, 331_186, 475_364, 4_651_543],
};

test.for(Object.entries(expected))('report of %s', async ([id, [completed, p50, p90, p99]]) => {
  const errors = id === 'bombardier' ? 3 : 0;
  const report = toolOf(id).parse(await sample(id === 'ours' ? 'load' : id));
  expect(report).toEqual({ completed, errors, p50Ns: p50, p90Ns: p90, p99Ns: p99 });
});

test('every generator has a sample', () => {
  expect(allTools.map(({ id }) => id).toSorted()).toEqual(Object.keys(expected).toSorted());
});

test('hey without a reply: no percentile is 0, and each failure counts', async () => {
  const report = toolOf('hey').parse(await sample('hey-refused'));
  expect(report).toEqual({ completed: 0, errors: 5_095, p50Ns: null, p90Ns: null, p99Ns: null });
});

test('what is no report is refused, by all of them', () => {
  for (const { id, parse } of allTools) {
    expect(() => parse('Segmentation fault'), id).toThrow(PollgateError);
    expect(() => parse(''), id).toThrow(PollgateError);
  }
});

test('load.json of another schema is named with what is wrong', () => {
  expect(() => parseLoad('{"schema":1}')).toThrow(
    /load\.json is not valid:\n.*"startedNs" is missing/,
  );
});

const job: Job = {
  address: '127.0.0.1:4711',
  connections: 64,
  ratePerSec: 0,
  durationMs: 2_000,
  dir: '/jobs/1',
  cpu: 1,
  seed: '7',
};

test('every generator has a closed loop, and all but wrk a rate', () => {
  for (const tool of allTools) {
    const rated = tool.args({ ...job, ratePerSec: 2_000 });
    expect(tool.args(job), tool.id).not.toBeNull();
    expect(rated === null, tool.id).toBe(tool.id === 'wrk');
  }
});

test('what is asked of a generator reaches it', () => {
  const told = (id: string, ratePerSec: number) => {
    const { args, files } = toolOf(id);
    const texts = Object.values(files?.({ ...job, ratePerSec }) ?? {});
    return [...(args({ ...job, ratePerSec }) ?? []), ...texts].join(' ');
  };
  for (const { id } of allTools) {
    expect(told(id, 0), id).toContain('127.0.0.1:4711');
    expect(told(id, 0), id).toMatch(/(\b|-c)64\b/);
  }
  // The rate of hey is that of a connection.
  expect(told('hey', 2_000)).toContain('-q 31.25');
  expect(told('vegeta', 2_000)).toContain('-rate 2000/1s');
  expect(told('ours', 2_000)).toContain('"kind": "constant"');
  expect(told('ours', 0)).toContain('"mode": "closed"');
});

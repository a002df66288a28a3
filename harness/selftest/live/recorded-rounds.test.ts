import { mkdtemp, readdir, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkJson } from '../../lib/json.ts';
import {
  appendRounds,
  packRounds,
  RecordedRounds,
  type RoundWindows,
  readRounds,
  unpackRounds,
} from './recorded-rounds.ts';
import { equalRounds, recordedRounds } from './testing/rounds.ts';

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pollgate-rounds-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

test('five digits of every value come back, and what is not usable as null', () => {
  const rounds = equalRounds(3);
  const [first, second] = rounds as [RoundWindows, RoundWindows];
  first.sliced.head.p50 = 61_234.5678;
  second.mixed.control.p99 = null;
  second.sliced.base.cpu = Number.NaN;
  second.sliced.base.mean = 0;
  const packed = recordedRounds(rounds);
  checkJson(packed, RecordedRounds, { name: 'packed', remedy: '' });
  const back = unpackRounds(JSON.parse(JSON.stringify(packed)));
  expect(back).toHaveLength(3);
  expect(back[0]?.sliced.head.p50).toBe(61_235);
  expect(back[1]?.mixed.control.p99).toBeNull();
  expect(back[1]?.sliced.base).toMatchObject({ cpu: null, mean: null, requests: 2_500 });
  // Mean and spread of the mixed window are asked for by nobody, and not kept.
  expect(back[2]?.mixed.head).toMatchObject({ mean: null, sd: null });
  expect(back[2]?.mixed.head.p99).toBeCloseTo(rounds[2]?.mixed.head.p99 ?? 0, -1);
});

test('a decision of 17 rounds takes less than 5 kB', () => {
  expect(JSON.stringify(recordedRounds(equalRounds(17))).length).toBeLessThan(5_000);
});

test('a file for each scenario and world, read in their order; no folder has no rounds', async () => {
  const folder = join(dir, 'rounds');
  expect(await readRounds(folder)).toEqual([]);
  const quiet = recordedRounds(equalRounds(2));
  const foreign = recordedRounds(equalRounds(1), { world: 'foreign' });
  for (const each of [quiet, foreign, quiet]) {
    expect(await appendRounds(folder, each)).toBe(true);
  }
  expect((await readdir(folder)).sort()).toEqual([
    'io_uring.hello-http.epoll-foreign.jsonl',
    'io_uring.hello-http.epoll-quiet.jsonl',
  ]);
  expect(await readRounds(folder)).toEqual([foreign, quiet, quiet]);
});

test('the folder does not grow beyond 300 kB', async () => {
  const folder = join(dir, 'full');
  const rounds = recordedRounds(equalRounds(2));
  await appendRounds(folder, rounds);
  const [name = ''] = await readdir(folder);
  await truncate(join(folder, name), 300_000 - JSON.stringify(rounds).length + 1);
  expect(await appendRounds(folder, rounds)).toBe(false);
  await truncate(join(folder, name), 300_000 - JSON.stringify(rounds).length - 1);
  expect(await appendRounds(folder, rounds)).toBe(true);
});

test('a round without a value anywhere is kept as one: looks count rounds', () => {
  const rounds = equalRounds(2);
  for (const arm of ['base', 'control', 'head'] as const) {
    (rounds[0] as RoundWindows).sliced[arm].p50 = null;
  }
  const { host, scenario, world } = recordedRounds([]);
  const about = { date: '', host, scenario, world };
  expect(unpackRounds(packRounds(about, rounds))).toHaveLength(2);
});

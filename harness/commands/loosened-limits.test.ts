import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loosenedLimits } from './loosened-limits.ts';

let dir: string;
let base: string;

const writeScenario = (name: string, scenario: object) =>
  writeFile(join(dir, 'scenarios', 'web', name), JSON.stringify(scenario));
const write = (name: string, limitPercent: object | undefined) =>
  writeScenario(name, limitPercent === undefined ? {} : { gate: { limitPercent } });

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pollgate-limits-'));
  const git = (...args: string[]) =>
    execa('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args], { cwd: dir });
  await mkdir(join(dir, 'scenarios', 'web'), { recursive: true });
  await write('shop.json', { 'latency-p50': 3, 'cpu-per-request': 2 });
  await write('cart.json', { 'latency-p99': 10 });
  await git('init', '--quiet');
  await git('add', '.');
  await git('commit', '--quiet', '-m', 'one');
  base = (await git('rev-parse', 'HEAD')).stdout;
});
afterEach(() => rm(dir, { recursive: true }));

const loosened = () => loosenedLimits(join(dir, 'scenarios'), [base, base]);

test('unchanged, stricter and further limits take nothing away', async () => {
  expect(await loosened()).toEqual([]);
  await write('shop.json', { 'latency-p50': 2, 'cpu-per-request': 2, 'latency-p99': 5 });
  await write('new.json', { 'latency-p50': 50 });
  expect(await loosened()).toEqual([]);
});

test('a limit that is higher, gone, or in a file that is gone', async () => {
  await write('shop.json', { 'latency-p50': 300 });
  await rm(join(dir, 'scenarios', 'web', 'cart.json'));
  expect((await loosened()).sort()).toEqual([
    'web/cart: the base has a limit of 10 % on p99, and the head has none',
    'web/shop: the base has a limit of 2 % on CPU/request, and the head has none',
    'web/shop: the base has a limit of 3 % on p50, and the head one of 300 %',
  ]);
  await write('shop.json', undefined);
  expect(await loosened()).toHaveLength(3);
});

test('fewer variants, another reference, another load', async () => {
  const limitPercent = { 'latency-p50': 3 };
  const load = { ratePerSec: 1_000 };
  const commit = async () => {
    const git = (...args: string[]) =>
      execa('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args], { cwd: dir });
    await git('commit', '--quiet', '-a', '-m', 'more');
    base = (await git('rev-parse', 'HEAD')).stdout;
  };
  const gate = { limitPercent, variants: ['epoll', 'io_uring'] };
  await writeScenario('shop.json', { reference: 'epoll', load, gate });
  await writeScenario('cart.json', { reference: 'epoll', load, gate: { limitPercent } });
  await commit();
  expect(await loosened()).toEqual([]);
  const narrow = { ...gate, variants: ['epoll', 'other'] };
  await writeScenario('shop.json', { reference: 'epoll', load: { ratePerSec: 9 }, gate: narrow });
  await writeScenario('cart.json', { reference: 'other', load, gate: { limitPercent } });
  expect((await loosened()).sort()).toEqual([
    'web/cart: the base’s gate compares epoll, and the head’s does not',
    'web/shop: the base’s gate compares io_uring, and the head’s does not',
    'web/shop: the load is not that of the base',
  ]);
});

test('a folder of another repository has nothing to compare with', async () => {
  expect(await loosenedLimits(join(dir, 'scenarios'), ['0'.repeat(40)])).toEqual([]);
});

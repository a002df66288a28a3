import { expect, test } from 'vitest';
import { cpusOf, parseRingThread, readDeviceBytes, readRingThreads } from './ring-threads.ts';

test('threads of a ring are told from the program’s own', () => {
  const status = (name: string) => `Name:\t${name}\nUmask:\t0022\nCpus_allowed_list:\t0-1\n`;
  expect(parseRingThread(status('iou-wrk-4242'))).toEqual([
    { kind: 'io-wq', cpus: '0-1', count: 1 },
  ]);
  expect(parseRingThread(status('iou-sqp-4242'))).toEqual([
    { kind: 'sqpoll', cpus: '0-1', count: 1 },
  ]);
  expect(parseRingThread(status('block-4k.io_uri'))).toEqual([]);
  expect(parseRingThread('')).toEqual([]);
});

test('lists of CPUs', () => {
  expect(cpusOf('0')).toEqual([0]);
  expect(cpusOf('1-3,6')).toEqual([1, 2, 3, 6]);
});

test('this process: no ring’s threads but those of its own runtime, and what it read', async () => {
  expect(await readRingThreads(process.pid)).toEqual(expect.any(Array));
  expect(await readDeviceBytes(process.pid)).toBeGreaterThanOrEqual(0);
  expect(await readDeviceBytes(2 ** 22 + 1)).toBeNull();
});

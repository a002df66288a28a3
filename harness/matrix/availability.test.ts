import { expect, test } from 'vitest';
import { judgeRing } from '../host/checks/io-uring.ts';
import type { Check } from '../host/host.ts';
import { findUntestable } from './availability.ts';
import { loadMatrices } from './load-description.ts';
import { makeMatrixPlan } from './plan.ts';

const plans = (await loadMatrices('io_uring_matrix')).map((matrix) =>
  makeMatrixPlan(matrix, { seed: '7', quick: true, full: false }),
);
const limits = {
  files: 'Max open files            1024                 524288               files',
  ports: '32768\t60999',
};
const fine: Check[] = [];

/** The check of the doctor, with what ringcheck said. */
function ringCheck(said: Partial<Parameters<typeof judgeRing>[0]>): Check[] {
  const answer = { ok: false, errno: 'EPERM', disabledSysctl: 0, seccomp: 0, features: 0, ...said };
  return [{ id: 'io-uring', title: 'io_uring', ...judgeRing(answer, { sysAdmin: true }) }];
}

test('a machine that has everything leaves nothing out', () => {
  expect(findUntestable(plans, fine, limits)).toEqual({});
  expect(findUntestable(plans, ringCheck({ ok: true, errno: '' }), limits)).toEqual({});
});

test.for([
  [
    'sysctl',
    { disabledSysctl: 2 },
    /kernel\.io_uring_disabled is 2/,
    /sysctl -w kernel\.io_uring_disabled=0/,
  ],
  ['seccomp', { seccomp: 2 }, /seccomp/, /seccomp|docker/],
] as const)('io_uring forbidden by %s: the reason and the command', ([, said, reason, remedy]) => {
  const found = findUntestable(plans, ringCheck(said), limits);
  expect(Object.keys(found)).toEqual(
    expect.arrayContaining(['block-4k/io_uring', 'hello-http/io_uring']),
  );
  expect(Object.keys(found)).not.toContain('block-4k/epoll');
  expect(found['block-4k/io_uring']?.reason).toMatch(reason);
  expect(found['block-4k/io_uring']?.remedy).toMatch(remedy);
});

test('too few descriptors or ports: the groups with 10,000 connections alone', () => {
  const few = { ...limits, files: limits.files.replace('524288', '4096  ') };
  const narrow = { ...limits, ports: '60000 60999' };
  for (const [tight, words] of [
    [few, '4096 per process, 10256 needed'],
    [narrow, '1000 (60000 to 60999), 10256 needed'],
  ] as const) {
    const found = findUntestable(plans, fine, tight);
    const names = plans.flatMap(({ id, description }) =>
      Object.keys(description.conditions).map((condition) => `${id}/${condition}-10000`),
    );
    expect(Object.keys(found).toSorted()).toEqual(names.toSorted());
    expect(found['block-4k/hot-10000']?.reason).toBe(words);
    expect(found['block-4k/hot-10000']?.remedy).not.toBe('');
  }
});

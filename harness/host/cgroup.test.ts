import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test as plainTest } from 'vitest';
import { findCpuCgroups, parseQuotaV1, parseQuotaV2, readCpuQuota } from './cgroup.ts';
import { cgroupTexts } from './testing/machine-texts.ts';
import { temporaryDir } from './testing/temporary-dir.ts';

const test = plainTest.extend<{ dir: string }>({ dir: temporaryDir });

test('cpu.max of v2', () => {
  expect(parseQuotaV2('max 100000')).toBe(Number.POSITIVE_INFINITY);
  expect(parseQuotaV2('150000 100000')).toBe(1.5);
  expect(parseQuotaV2(undefined)).toBe(Number.POSITIVE_INFINITY);
});

test('cpu.cfs_quota_us of v1', () => {
  expect(parseQuotaV1('-1', '100000')).toBe(Number.POSITIVE_INFINITY);
  expect(parseQuotaV1('400000', '100000')).toBe(4);
  expect(parseQuotaV1(undefined, undefined)).toBe(Number.POSITIVE_INFINITY);
});

test("a container's mount that shows only its own branch is its own root", () => {
  const { membership, mountinfo } = cgroupTexts.dockerV1;
  expect(findCpuCgroups(membership, mountinfo)).toEqual([
    { version: 1, mountPoint: '/sys/fs/cgroup/cpu,cpuacct', path: '' },
  ]);
});

test('unified: the least quota of all levels counts', async ({ dir }) => {
  const group = 'sys/fs/cgroup/user.slice';
  await writeTree(dir, cgroupTexts.unified, {
    [`${group}/cpu.max`]: '150000 100000\n',
    [`${group}/user-1000.slice/cpu.max`]: '800000 100000\n',
    [`${group}/user-1000.slice/session-3.scope/cpu.max`]: 'max 100000\n',
  });
  expect(await readCpuQuota(dir)).toBe(1.5);
});

test('docker on v1', async ({ dir }) => {
  await writeTree(dir, cgroupTexts.dockerV1, {
    'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '250000\n',
    'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000\n',
  });
  expect(await readCpuQuota(dir)).toBe(2.5);
});

test('hybrid: the v2 tree has no controller, the quota stands in v1', async ({ dir }) => {
  await writeTree(dir, cgroupTexts.hybrid, {
    'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '-1\n',
    'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000\n',
    'sys/fs/cgroup/cpu,cpuacct/ci/job/cpu.cfs_quota_us': '50000\n',
    'sys/fs/cgroup/cpu,cpuacct/ci/job/cpu.cfs_period_us': '100000\n',
    'sys/fs/cgroup/unified/ci/job/cgroup.procs': '',
  });
  expect(await readCpuQuota(dir)).toBe(0.5);
});

test('a kernel without control groups sets no limit', async ({ dir }) => {
  expect(await readCpuQuota(dir)).toBe(Number.POSITIVE_INFINITY);
});

test('control groups that are not mounted leave the quota unknown', async ({ dir }) => {
  await writeTree(dir, { ...cgroupTexts.unified, mountinfo: '' }, {});
  expect(await readCpuQuota(dir)).toBeUndefined();
});

async function writeTree(
  root: string,
  { membership, mountinfo }: { membership: string; mountinfo: string },
  files: Record<string, string>,
): Promise<void> {
  const all = { 'proc/self/cgroup': membership, 'proc/self/mountinfo': mountinfo, ...files };
  for (const [path, content] of Object.entries(all)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
}

import { join, relative } from 'node:path';
import { readIfThere } from './system-files.ts';

/** Where the control groups that can limit this process's CPU time have their files. */
export interface CpuCgroup {
  version: 1 | 2;
  mountPoint: string;
  /** Path below the mount point, without a slash at either end; empty for its root. */
  path: string;
}

/**
 * CPUs' worth of time that the control groups of this process allow: the least of all levels.
 * @param root stands in for / (the tests give it a captured tree)
 * @returns such as 1.5; Infinity without a limit; undefined if the control groups cannot be seen
 */
export async function readCpuQuota(root = '/'): Promise<number | undefined> {
  const membership = await readIfThere(join(root, 'proc/self/cgroup'));
  const mounts = await readIfThere(join(root, 'proc/self/mountinfo'));
  if (membership === undefined) {
    return Number.POSITIVE_INFINITY; // A kernel without control groups.
  }
  const groups = findCpuCgroups(membership, mounts ?? '');
  if (groups.length === 0) {
    return undefined;
  }
  const quotas = await Promise.all(
    groups.flatMap((group) => levels(group).map((dir) => readQuota(join(root, dir), group))),
  );
  return Math.min(...quotas);
}

/** Finds the CPU controller in /proc/self/cgroup and /proc/self/mountinfo, v1 and v2. */
export function findCpuCgroups(membership: string, mountinfo: string): CpuCgroup[] {
  const found: CpuCgroup[] = [];
  for (const line of mountinfo.split('\n')) {
    const [left = '', right = ''] = line.split(' - ');
    const [, , , mountRoot = '/', mountPoint = ''] = left.split(' ');
    const [type, , options = ''] = right.split(' ');
    const version = type === 'cgroup2' ? 2 : 1;
    if (version === 1 && !(type === 'cgroup' && options.split(',').includes('cpu'))) {
      continue;
    }
    const own = membershipPath(membership, version);
    if (own !== undefined) {
      found.push({ version, mountPoint, path: pathBelow(mountRoot, own) });
    }
  }
  return found;
}

function membershipPath(membership: string, version: 1 | 2): string | undefined {
  for (const line of membership.split('\n')) {
    const [id, controllers = '', ...path] = line.split(':');
    if (version === 2 ? id === '0' : controllers.split(',').includes('cpu')) {
      return path.join(':');
    }
  }
  return undefined;
}

/** A container's mount shows only its own branch; outside that branch its root is all there is. */
function pathBelow(mountRoot: string, own: string): string {
  const below = relative(mountRoot, own);
  return below.startsWith('..') ? '' : below;
}

/** The group's folder and those above it, up to the mount point. */
function levels({ mountPoint, path }: CpuCgroup): string[] {
  const parts = path === '' ? [] : path.split('/');
  return Array.from({ length: parts.length + 1 }, (_, depth) =>
    join(mountPoint, ...parts.slice(0, depth)),
  );
}

async function readQuota(dir: string, { version }: CpuCgroup): Promise<number> {
  if (version === 2) {
    return parseQuotaV2(await readIfThere(join(dir, 'cpu.max')));
  }
  const quota = await readIfThere(join(dir, 'cpu.cfs_quota_us'));
  return parseQuotaV1(quota, await readIfThere(join(dir, 'cpu.cfs_period_us')));
}

/** Text of cpu.max, such as "150000 100000" or "max 100000"; a root group has none. */
export function parseQuotaV2(text: string | undefined): number {
  const [quota = 'max', period] = (text ?? 'max').split(' ');
  return quota === 'max' ? Number.POSITIVE_INFINITY : Number(quota) / Number(period);
}

/** Texts of cpu.cfs_quota_us and cpu.cfs_period_us; a quota of -1 is none. */
export function parseQuotaV1(quota: string | undefined, period: string | undefined): number {
  const limited = quota !== undefined && period !== undefined && Number(quota) > 0;
  return limited ? Number(quota) / Number(period) : Number.POSITIVE_INFINITY;
}

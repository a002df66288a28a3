import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { readCpuQuota } from './cgroup.ts';
import { parseCpuInfo } from './cpu-info.ts';
import type { Fingerprint } from './host.ts';
import { readHypervisor } from './hypervisor.ts';
import { readIfThere } from './system-files.ts';

const unknown = 'unknown';
const clocksourceFile = '/sys/devices/system/clocksource/clocksource0/current_clocksource';
const vulnerabilitiesDir = '/sys/devices/system/cpu/vulnerabilities';
const cpusDir = '/sys/devices/system/cpu';

export interface FingerprintOptions {
  /** Of the toolchain that builds the servers, such as go1.26.8. */
  goVersion: string;
  goArch: string;
  /** How many CPUs the servers are pinned to. */
  serverCpus: number;
}

/** Takes the machine's fingerprint. What cannot be read is "unknown"; it never fails. */
export async function readFingerprint(options: FingerprintOptions): Promise<Fingerprint> {
  const cpu = parseCpuInfo((await orUndefined(readIfThere('/proc/cpuinfo'))) ?? '');
  const [quota, hypervisor, version, mitigations, governor, clocksource] = await Promise.all([
    orUndefined(readCpuQuota()),
    orUndefined(readHypervisor(cpu.hypervisorFlag)),
    orUndefined(readIfThere('/proc/version')),
    orUndefined(readMitigations()),
    orUndefined(readGovernor()),
    orUndefined(readIfThere(clocksourceFile)),
  ]);
  return {
    cpuModel: cpu.model,
    cpuFlagsSha256: cpu.flagsSha256,
    cores: availableParallelism(),
    cpuQuota: describeQuota(quota),
    hypervisor: hypervisor ?? unknown,
    kernel: version === undefined ? unknown : parseKernel(version),
    mitigations: mitigations ?? unknown,
    governor: governor ?? unknown,
    clocksource: clocksource ?? unknown,
    goVersion: options.goVersion,
    goArch: options.goArch,
    goMaxProcs: goMaxProcs(options.serverCpus, quota),
  };
}

/**
 * Names of the fields in which two machines differ; empty if absolute times of the one can be
 * compared with those of the other. "unknown" differs from everything, itself included.
 */
export function sameFingerprint(a: Fingerprint, b: Fingerprint): (keyof Fingerprint)[] {
  const names = Object.keys(a) as (keyof Fingerprint)[];
  return names.filter((name) => a[name] !== b[name] || a[name] === unknown);
}

function describeQuota(quota: number | undefined): string {
  if (quota === undefined) {
    return unknown;
  }
  return Number.isFinite(quota) ? String(Number(quota.toFixed(3))) : 'none';
}

/** What Go >= 1.25 chooses: the CPUs it may run on, or the quota rounded up, but then at least 2. */
export function goMaxProcs(serverCpus: number, quota: number | undefined): number {
  return Math.min(serverCpus, Math.max(2, Math.ceil(quota ?? Number.POSITIVE_INFINITY)));
}

/** Release and build of /proc/version, without builder and compiler. */
export function parseKernel(version: string): string {
  const release = /^Linux version (\S+)/.exec(version)?.[1];
  const build = /#\d.*$/.exec(version)?.[0];
  return release === undefined ? unknown : [release, build].filter(Boolean).join(' ');
}

/** State of the CPU's vulnerabilities by name, as one short string that is equal for equal states. */
export function summarizeMitigations(states: ReadonlyMap<string, string>): string {
  const sorted = [...states].map(([name, state]) => `${name}: ${state}`).sort();
  const count = (prefix: string) =>
    [...states.values()].filter((state) => state.startsWith(prefix)).length;
  const hash = createHash('sha256').update(sorted.join('\n')).digest('hex').slice(0, 12);
  return `${count('Mitigation')} mitigated, ${count('Vulnerable')} vulnerable, sha256:${hash}`;
}

async function readMitigations(): Promise<string> {
  const states = new Map<string, string>();
  for (const name of await readdir(vulnerabilitiesDir)) {
    states.set(name, (await readIfThere(join(vulnerabilitiesDir, name))) ?? unknown);
  }
  return summarizeMitigations(states);
}

/** Frequency governors of all CPUs; "none" where the kernel does not set the frequency. */
async function readGovernor(): Promise<string> {
  const cpus = (await readdir(cpusDir)).filter((name) => /^cpu\d+$/.test(name));
  const governors = await Promise.all(
    cpus.map((cpu) => readIfThere(join(cpusDir, cpu, 'cpufreq', 'scaling_governor'))),
  );
  const distinct = [...new Set(governors.filter((governor) => governor !== undefined))];
  return distinct.sort().join(' + ') || 'none';
}

async function orUndefined<T>(value: Promise<T>): Promise<T | undefined> {
  try {
    return await value;
  } catch {
    return undefined;
  }
}

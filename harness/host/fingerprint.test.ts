import { expect, test } from 'vitest';
import { checkJson } from '../lib/json.ts';
import {
  goMaxProcs,
  parseKernel,
  readFingerprint,
  sameFingerprint,
  summarizeMitigations,
} from './fingerprint.ts';
import { Fingerprint } from './host.ts';

const machine: Fingerprint = {
  cpuModel: 'Arm Neoverse-N1 r3p1',
  cpuFlagsSha256: 'a'.repeat(64),
  cores: 4,
  cpuQuota: 'none',
  hypervisor: 'Amazon EC2 m6g.xlarge',
  kernel: '6.8.0-1020-aws #22-Ubuntu SMP',
  mitigations: '3 mitigated, 0 vulnerable, sha256:0123456789ab',
  governor: 'none',
  clocksource: 'arch_sys_counter',
  goVersion: 'go1.26.8',
  goArch: 'arm64',
  goMaxProcs: 2,
};

test('this machine has a valid fingerprint and equals itself', async () => {
  const options = { goVersion: 'go1.26.8', goArch: 'amd64', serverCpus: 1 };
  const [first, second] = [await readFingerprint(options), await readFingerprint(options)];
  checkJson(first, Fingerprint, { name: 'fingerprint', remedy: '' });
  expect(second).toEqual(first);
  const unknowns = Object.entries(first).filter(([, value]) => value === 'unknown');
  expect(sameFingerprint(first, second)).toEqual(unknowns.map(([name]) => name));
});

test('fields that differ are named', () => {
  const other = { ...machine, kernel: '6.14.0-1002-aws #2-Ubuntu SMP', cores: 8 };
  expect(sameFingerprint(machine, machine)).toEqual([]);
  expect(sameFingerprint(machine, other)).toEqual(['cores', 'kernel']);
});

test('unknown never equals, not even itself', () => {
  const other = { ...machine, hypervisor: 'unknown' };
  expect(sameFingerprint(other, other)).toEqual(['hypervisor']);
});

test.for([
  [
    'Linux version 6.8.0-1020-azure (buildd@lcy02) (x86_64-linux-gnu-gcc-13 (Ubuntu 13.3.0) 13.3.0, GNU ld (GNU Binutils for Ubuntu) 2.42) #23-Ubuntu SMP Mon Dec  9 16:58:58 UTC 2024',
    '6.8.0-1020-azure #23-Ubuntu SMP Mon Dec  9 16:58:58 UTC 2024',
  ],
  [
    'Linux version 6.1.0-28-arm64 (debian-kernel@lists.debian.org) (gcc-12 (Debian 12.2.0) 12.2.0, GNU ld 2.40) #1 SMP Debian 6.1.119-1 (2024-11-22)',
    '6.1.0-28-arm64 #1 SMP Debian 6.1.119-1 (2024-11-22)',
  ],
  ['something else', 'unknown'],
] as const)('kernel of %s', ([version, kernel]) => {
  expect(parseKernel(version)).toBe(kernel);
});

test('mitigations: the order of files does not matter, every state does', () => {
  const states = [
    ['meltdown', 'Not affected'],
    ['retbleed', 'Mitigation: untrained return thunk; SMT disabled'],
    ['spectre_v2', 'Vulnerable'],
  ] as const;
  const summary = summarizeMitigations(new Map(states));
  expect(summary).toMatch(/^1 mitigated, 1 vulnerable, sha256:[0-9a-f]{12}$/);
  expect(summarizeMitigations(new Map(states.toReversed()))).toBe(summary);
  const other = new Map<string, string>(states).set(
    'retbleed',
    'Mitigation: untrained return thunk; SMT vulnerable',
  );
  expect(summarizeMitigations(other)).not.toBe(summary);
});

test('GOMAXPROCS follows pinning and quota as the Go runtime does', () => {
  expect(goMaxProcs(1, undefined)).toBe(1);
  expect(goMaxProcs(4, Number.POSITIVE_INFINITY)).toBe(4);
  expect(goMaxProcs(4, 2.5)).toBe(3);
  expect(goMaxProcs(4, 0.5)).toBe(2);
  expect(goMaxProcs(1, 0.5)).toBe(1);
});

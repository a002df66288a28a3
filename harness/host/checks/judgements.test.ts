import { describe, expect, test } from 'vitest';
import type { NetprobeCapability } from '../netprobe-access.ts';
import { judgeClocksource } from './clocksource.ts';
import { judgeContainer, runtimeOfCgroup } from './container.ts';
import { judgeCores } from './cores.ts';
import { judgeEbpf } from './ebpf.ts';
import { judgeFdLimit } from './fd-limit.ts';
import { judgeRing, type RingAnswer } from './io-uring.ts';
import { judgeKernel } from './kernel.ts';
import { judgeNode } from './node.ts';
import { judgePorts } from './ports.ts';
import type { Outcome } from './prerequisite.ts';
import { judgeSteal } from './steal.ts';

// What cannot be taken away from the machine that runs the tests is judged here from what such a
// machine says. What can be is in ../doctor.test.ts.

const good: Record<string, Outcome> = {
  'the pinned Node': judgeNode('24.21.0', '24.21.0'),
  'a new kernel': judgeKernel('6.8.0-1020-azure'),
  'a kernel without uprobe_multi': judgeKernel('5.15.0-91-generic'),
  'two CPUs': judgeCores({ usable: 2, all: 2, quota: undefined }),
  'a quota of two CPUs': judgeCores({ usable: 8, all: 8, quota: 2 }),
  'one stolen tick of 40': judgeSteal(0.025),
  'the clock of an Arm server': judgeClocksource('arch_sys_counter', ['arch_sys_counter']),
  'the clock of a hosted runner': judgeClocksource('hyperv_clocksource_tsc_page', []),
  'no container': judgeContainer({ runtime: undefined, ownNamespaces: false, seccomp: 0 }),
  'a privileged container': judgeContainer({ runtime: 'docker', ownNamespaces: true, seccomp: 0 }),
  'no limit of open files': judgeFdLimit('Max open files  1024  unlimited  files\n', 4096),
  'the usual ports': judgePorts('32768\t60999\n', 4096),
};

test.for(Object.entries(good))('%s: ok', ([, outcome]) => {
  expect(outcome).toMatchObject({ state: 'ok', lost: [], remedy: '' });
  expect(outcome.seen).not.toBe('');
});

test('a marker file without namespaces of its own makes no container', () => {
  const traces = { runtime: 'docker', ownNamespaces: false, seccomp: 2 };
  expect(judgeContainer(traces)).toMatchObject({ state: 'ok', seen: 'none' });
});

const ring: RingAnswer = { ok: false, errno: 'EPERM', disabledSysctl: 0, seccomp: 0, features: 0 };
const user = { sysAdmin: false };

const bad: Record<string, [Outcome, seen: RegExp, remedy: RegExp]> = {
  'another Node of the same major': [judgeNode('24.1.0', '24.21.0'), /24\.1\.0/, /npm ci/],
  'an old Node': [judgeNode('20.20.2', '24.21.0'), /20\.20\.2, needed 24/, /npm ci/],
  'an old kernel': [judgeKernel('5.4.0-150-generic'), /5\.4.*need 5\.15/, /reboot$/],
  'a machine with one CPU': [judgeCores({ usable: 1, all: 1, quota: 4 }), /1 of 1/, /nproc/],
  'affinity to one CPU': [
    judgeCores({ usable: 1, all: 8, quota: undefined }),
    /1 of 8/,
    /^taskset -cp 0-7 \$\$$/,
  ],
  'a quota': [judgeCores({ usable: 8, all: 8, quota: 1.5 }), /allows 1\.50/, /docker update/],
  'stolen time': [judgeSteal(0.12), /12\.0 %/, /npm run doctor/],
  'a slow clock with a better one': [
    judgeClocksource('hpet', ['hpet', 'tsc']),
    /hpet/,
    /^echo tsc \| .*tee .*current_clocksource$/,
  ],
  'a slow clock alone': [judgeClocksource('acpi_pm', ['acpi_pm']), /acpi_pm/, /available/],
  'a container with a filter': [
    judgeContainer({ runtime: 'podman', ownNamespaces: true, seccomp: 2 }),
    /podman/,
    /--privileged/,
  ],
  'few files': [
    judgeFdLimit('Max open files            1024                 1024        files\n', 4096),
    /1024 per process, 4096 needed/,
    /prlimit --pid \$\$ --nofile=4096:4096/,
  ],
  'few ports': [judgePorts('50000\t50010', 64), /^11 /, /ip_local_port_range="32768 60999"/],
  'io_uring forbidden to all': [
    judgeRing({ ...ring, disabledSysctl: 2, seccomp: 2 }, { sysAdmin: true }),
    /sysctl.* is 2/,
    /io_uring_disabled=0/,
  ],
  'io_uring forbidden to users': [
    judgeRing({ ...ring, disabledSysctl: 1 }, user),
    /sysctl.* is 1/,
    /io_uring_disabled=0/,
  ],
  'io_uring forbidden to users, but an administrator was refused': [
    judgeRing({ ...ring, disabledSysctl: 1, seccomp: 2 }, { sysAdmin: true }),
    /seccomp/,
    /docker run --privileged/,
  ],
  'io_uring on a kernel without that sysctl, in a container': [
    judgeRing({ ...ring, disabledSysctl: -1, seccomp: 2 }, user),
    /EPERM from a seccomp/,
    /docker run --privileged/,
  ],
  'io_uring refused by something else': [judgeRing(ring, user), /neither/, /dmesg/],
  'no io_uring in the kernel': [judgeRing({ ...ring, errno: 'ENOSYS' }, user), /ENOSYS/, /reboot/],
  'no memory for the ring': [judgeRing({ ...ring, errno: 'ENOMEM' }, user), /ENOMEM/, /memlock/],
  'a ring of an old kernel': [
    judgeRing({ ...ring, errno: '', features: 0xff }, user),
    /0xff.*5\.17/,
    /reboot/,
  ],
};

test.for(Object.entries(bad))('%s: lost, with a remedy', ([, [outcome, seen, remedy]]) => {
  expect(outcome.state).not.toBe('ok');
  expect(outcome.seen).toMatch(seen);
  expect(outcome.remedy).toMatch(remedy);
  expect(outcome.lost.length).toBeGreaterThan(0);
});

describe('eBPF', () => {
  const capability = (name: string, lostMetrics: string[], error = ''): NetprobeCapability => ({
    capability: name,
    ok: error === '',
    error,
    lostMetrics,
    remedy: error === '' ? '' : `mend ${name}`,
  });
  const privileged = capability('privileges', []);

  test('one kind of uprobe is enough', () => {
    const outcome = judgeEbpf({
      command: ['sudo', '-n', 'netprobe'],
      capabilities: [
        privileged,
        capability('tp_btf', []),
        capability('uprobe_multi', []),
        capability('perf_uprobe', [], 'permission denied'),
      ],
      refusal: '',
    });
    expect(outcome).toMatchObject({
      state: 'ok',
      seen: 'tp_btf, uprobe_multi attached through sudo',
    });
  });

  test('without uprobes only what they measure is lost', () => {
    const outcome = judgeEbpf({
      command: ['netprobe'],
      capabilities: [privileged, capability('uprobe_multi', ['wakeupNs'], 'not supported')],
      refusal: '',
    });
    expect(outcome).toEqual({
      state: 'degraded',
      seen: 'uprobe_multi: not supported',
      lost: ['wake-up latency (eBPF)'],
      remedy: 'mend uprobe_multi',
    });
  });

  test('without privileges it says what is missing and what sudo answered', () => {
    const error = 'missing privilege: CAP_BPF; run as root';
    const outcome = judgeEbpf({
      command: ['netprobe'],
      capabilities: [capability('privileges', ['readNs', 'writeNs', 'new metric'], error)],
      refusal: 'sudo: a password is required',
    });
    expect(outcome).toEqual({
      state: 'degraded',
      seen: 'missing privilege: CAP_BPF; sudo: a password is required',
      lost: ['read and write latency, new metric (eBPF)'],
      remedy: 'mend privileges',
    });
  });
});

test.for([
  ['12:cpu:/docker/4f2d0c', 'docker'],
  ['0::/kubepods.slice/kubepods-burstable.slice/cri-containerd-4f2d.scope', 'kubernetes'],
  ['0::/machine.slice/libpod-4f2d.scope/container', 'podman'],
  ['0::/init.scope', undefined],
  ['0::/', undefined],
] as const)('%s is of the runtime %s', ([cgroup, runtime]) => {
  expect(runtimeOfCgroup(cgroup)).toBe(runtime);
});

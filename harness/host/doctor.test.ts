import { chmod, copyFile, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { rootDir } from '../lib/paths.ts';
import { disk } from './checks/disk.ts';
import { degraded } from './checks/prerequisite.ts';
import { type DoctorOptions, examine, lostCapabilities } from './doctor.ts';
import type { Check } from './host.ts';
import {
  buildPrograms,
  findOnPath,
  type Programs,
  pathWithout,
  runDoctorProcess,
} from './testing/doctor-process.ts';

// Each test takes one prerequisite away for real and starts a doctor in what is left.

/** Against hangs only; compiling for the first time takes the longest. */
const timeout = 300_000;
let dir: string;
let programs: Programs;

beforeAll(async () => {
  dir = await realpath(await mkdtemp(join(tmpdir(), 'pollgate-doctor-')));
  await chmod(dir, 0o755); // Other users run the programs in it.
  programs = await buildPrograms(dir);
}, timeout);

afterAll(() => rm(dir, { recursive: true, force: true }));

const isRoot = process.geteuid?.() === 0;
const needsRoot = isRoot ? '' : ' (skipped: needs root)';

const nobody = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', '--'];

/** Runs shell commands first, then what follows in its arguments. */
function withFirst(commands: string, ...around: string[]): string[] {
  return [...around, 'sh', '-c', `${commands} && exec "$@"`, 'sh'];
}

/** For checks that look at nothing of it. */
const anyContext = {
  ...{ netprobe: '', ringcheck: '', rootDir },
  ...{ neededDescriptors: 1, neededPorts: 1, timeLimitMs: 60_000 },
};

async function script(name: string, text: string): Promise<string> {
  const path = join(await mkdtemp(join(dir, 'script-')), name);
  await writeFile(path, `#!/bin/sh\n${text}\n`);
  await chmod(path, 0o755);
  return path;
}

test('this machine: every check answers, and what the tests need is there', {
  timeout,
}, async () => {
  const checks = await runDoctorProcess({ options: programs });
  expect([...checks.keys()]).toEqual([
    ...['node', 'go', 'git', 'util-linux', 'disk', 'kernel', 'io-uring', 'privileges', 'btf'],
    ...['tracefs', 'ebpf', 'fd-limit', 'ports', 'cores', 'steal', 'clocksource', 'container'],
  ]);
  for (const id of ['node', 'go', 'git', 'util-linux']) {
    expect(checks.get(id)).toMatchObject({ state: 'ok' });
  }
});

describe('programs', { timeout }, () => {
  test.for([
    ['go', 'go', /^curl .*go\.dev\/dl\/go1\.\d+\.\d+\.linux-(amd64|arm64)\.tar\.gz .*\/usr\/local/],
    ['git', 'git', /install.* git$|apk add git$|pacman -S .*git$/],
    ['taskset', 'util-linux', /util-linux$/],
    ['setpriv', 'util-linux', /util-linux$/],
  ] as const)('without %s', async ([program, id, remedy]) => {
    const env = { PATH: await pathWithout(dir, program) };
    const checks = await runDoctorProcess({ options: programs, env });
    expect(checks.get(id)?.state).toBe('missing');
    expect(checks.get(id)?.seen).toContain(program);
    expect(checks.get(id)?.remedy).toMatch(remedy);
  });

  test('an old Go', async () => {
    const answer = `echo '{"GOVERSION":"go1.19.8","GOARCH":"amd64"}'`;
    const old = join(await script('go', answer), '..');
    const env = { PATH: `${old}:${await pathWithout(dir, 'go')}` };
    const go = (await runDoctorProcess({ options: programs, env })).get('go');
    expect(go).toMatchObject({ state: 'missing', seen: expect.stringContaining('go1.19.8') });
    expect(go?.remedy).toMatch(/^curl /);
  });

  test('a Go that talks nonsense', async () => {
    const broken = join(await script('go', 'echo nonsense'), '..');
    const env = { PATH: `${broken}:${await pathWithout(dir, 'go')}` };
    const go = (await runDoctorProcess({ options: programs, env })).get('go');
    expect(go).toMatchObject({ state: 'missing' });
    expect(go?.remedy).toMatch(/^curl /);
  });

  test('a setpriv of another maker that lacks the option', async () => {
    const other = join(await script('setpriv', 'echo unknown option >&2; exit 1'), '..');
    const env = { PATH: `${other}:${await pathWithout(dir, 'setpriv')}` };
    const checks = await runDoctorProcess({ options: programs, env });
    expect(checks.get('util-linux')).toMatchObject({ state: 'missing', seen: 'unknown option' });
  });

  test('a program that hangs, with a child that keeps its output open', async () => {
    const hanging = join(await script('git', 'sleep 600'), '..');
    const env = { PATH: `${hanging}:${await pathWithout(dir, 'git')}` };
    const options = { ...programs, timeLimitMs: 300 };
    const git = (await runDoctorProcess({ options, env })).get('git');
    expect(git).toMatchObject({
      ...{ state: 'degraded', seen: 'no answer within 300 ms', remedy: 'git --version' },
    });
  });

  test('programs that are not built yet', async () => {
    const options = { netprobe: join(dir, 'none'), ringcheck: join(dir, 'none') };
    const checks = await runDoctorProcess({ options });
    for (const id of ['ebpf', 'io-uring']) {
      expect(checks.get(id)?.state).toBe('degraded');
      expect(checks.get(id)?.seen).toContain('npm run bench builds it');
      expect(checks.get(id)?.remedy).toMatch(/^npm run bench /);
    }
  });

  test('a netprobe that answers something else', async () => {
    const netprobe = await script('netprobe', 'echo "{}"');
    const ebpf = (await runDoctorProcess({ options: { ...programs, netprobe } })).get('ebpf');
    expect(ebpf?.state).toBe('degraded');
    expect(ebpf?.seen).toMatch(/netprobe check is not valid.*"schema" is missing/);
  });
});

describe('limits', { timeout }, () => {
  test('64 file descriptors', async () => {
    const through = ['prlimit', '--nofile=64:64'];
    const limit = (await runDoctorProcess({ options: programs, through })).get('fd-limit');
    expect(limit).toMatchObject({ state: 'missing', seen: '64 per process, 4096 needed' });
    expect(limit?.remedy).toMatch(/prlimit .*--nofile=4096:4096/);
  });

  test.skipIf(!isRoot)(`the remedy for few descriptors mends it${needsRoot}`, async ({ skip }) => {
    if (!(await works(['prlimit', '--nofile=64:64', 'prlimit', '--nofile=65:65', 'true']))) {
      skip('needs CAP_SYS_RESOURCE');
    }
    const raise = 'prlimit --pid $$ --nofile=4096:4096';
    const through = withFirst(raise, 'prlimit', '--nofile=64:64');
    const limit = (await runDoctorProcess({ options: programs, through })).get('fd-limit');
    expect(limit).toMatchObject({ state: 'ok', seen: '4096 per process, 4096 needed' });
  });

  test('one CPU', async () => {
    const through = ['taskset', '--cpu-list', await firstAllowedCpu()];
    const cores = (await runDoctorProcess({ options: programs, through })).get('cores');
    expect(cores?.state).toBe('degraded');
    expect(cores?.seen).toMatch(/^1 of /);
  });

  test('a full disk', async () => {
    // procfs has no free blocks, whoever asks.
    const check = await examine(disk, { ...anyContext, rootDir: '/proc' });
    expect(check).toMatchObject({ state: 'degraded', seen: '0.0 GiB, 1 GiB needed' });
    expect(check.remedy).toContain('go clean -cache');
  });

  test.skipIf(!isRoot)(`eleven local ports${needsRoot}`, async () => {
    const take = 'echo "50000 50010" > /proc/sys/net/ipv4/ip_local_port_range';
    const through = withFirst(take, 'unshare', '--net');
    const ports = (await runDoctorProcess({ options: programs, through })).get('ports');
    expect(ports).toMatchObject({ state: 'missing', seen: expect.stringMatching(/^11 /) });
    expect(ports?.remedy).toMatch(/sysctl -w/);
    const mended = withFirst(`${take} && ${ports?.remedy} > /dev/null`, 'unshare', '--net');
    const checks = await runDoctorProcess({ options: programs, through: mended });
    expect(checks.get('ports')?.state).toBe('ok');
  });
});

describe('kernel', { timeout }, () => {
  test.for([
    ['EPERM', '1'],
    ['ENOSYS', '38'],
  ] as const)('io_uring refused with %s by a seccomp profile', async ([name, number]) => {
    const env = { RINGCHECK_REFUSE_WITH_ERRNO: number };
    const options = { ...programs, ringcheck: programs.ringcheckTest };
    const checks = await runDoctorProcess({ options, env });
    const ring = checks.get('io-uring');
    expect(ring?.state).toBe('missing');
    expect(ring?.seen).toContain(`${name} from a seccomp profile`);
    expect(ring?.remedy).toContain('docker run --privileged');
    expect(lostCapabilities([...checks.values()])).toContainEqual({
      capability: 'io_uring',
      what: ring?.lost.join(', '),
      reason: ring?.seen,
      remedy: ring?.remedy,
    });
  });

  test.skipIf(!isRoot)(`no kernel types${needsRoot}`, async () => {
    const through = withFirst('mount -t tmpfs none /sys/kernel/btf', 'unshare', '--mount');
    const checks = await runDoctorProcess({ options: programs, through });
    expect(checks.get('btf')).toMatchObject({ state: 'degraded' });
    expect(checks.get('btf')?.remedy).toMatch(/reboot$/);
    // Whoever has no types cannot have probes either: seen by attaching, not concluded.
    expect(checks.get('ebpf')).toMatchObject({ state: 'degraded' });
    expect(checks.get('ebpf')?.lost.join()).toContain('wake-up latency');
  });

  test('a container without a filter is told from the machine by its namespaces', async ({
    skip,
  }) => {
    const unshare = isRoot ? ['unshare', '--uts'] : ['unshare', '--user', '--uts'];
    if ((await findOnPath('unshare')) === undefined || !(await works([...unshare, 'true']))) {
      skip('needs unshare, and user namespaces where it is not root');
    }
    const env = { container: 'podman' };
    const inside = await runDoctorProcess({ options: programs, through: unshare, env });
    expect(inside.get('container')?.seen).toMatch(/^(podman|docker|kubernetes), /);
  });
});

describe.skipIf(!isRoot)(`an unprivileged user${needsRoot}`, { timeout }, () => {
  // HOME is not root's, and nobody has no sudo rules.
  const asNobody = (options: DoctorOptions, through: readonly string[] = []) =>
    runDoctorProcess({ options, through: [...through, ...nobody], env: { HOME: dir } });

  beforeEach(async ({ skip }) => {
    const files = [process.execPath, join(rootDir, 'harness/host/doctor.ts'), programs.netprobe];
    const readAll = ['sh', '-c', 'for file; do test -r "$file" || exit 1; done', 'sh', ...files];
    if (!(await works([...nobody, ...readAll]))) {
      skip('needs a clone that other users may read');
    }
  });

  test('is told what is lost and why', async () => {
    const checks = await asNobody(programs);
    const [ebpf, privileges] = [checks.get('ebpf'), checks.get('privileges')];
    expect(ebpf).toMatchObject({ state: 'degraded', seen: expect.stringContaining('CAP_BPF') });
    expect(ebpf?.remedy).toMatch(/^sudo setcap cap_bpf,cap_perfmon/);
    expect(privileges).toMatchObject({ state: 'degraded', remedy: ebpf?.remedy });
    expect(lostCapabilities([...checks.values()])).toContainEqual(
      expect.objectContaining({ capability: 'ebpf', reason: ebpf?.seen }),
    );
  });

  test('the remedy for missing privileges mends it', async ({ skip }) => {
    if ((await findOnPath('setcap')) === undefined) {
      skip('needs setcap');
    }
    const netprobe = join(await mkdtemp(join(dir, 'own-')), 'netprobe');
    await chmod(dirname(netprobe), 0o755);
    await copyFile(programs.netprobe, netprobe);
    const remedy = (await asNobody({ ...programs, netprobe })).get('ebpf')?.remedy ?? '';
    await execa('sh', ['-c', remedy.replace(/^sudo /, '')]);
    const checks = await asNobody({ ...programs, netprobe });
    expect(checks.get('privileges')).toMatchObject({ state: 'ok', seen: 'netprobe has its own' });
    const { state, seen } = (await runDoctorProcess({ options: programs })).get('ebpf') ?? {};
    const own = checks.get('ebpf');
    expect(own, `root sees: ${seen}; nobody sees: ${own?.seen}`).toMatchObject({ state });
  });

  test('needs no more than a sudo rule for netprobe', async ({ skip }) => {
    if ((await findOnPath('sudo')) === undefined) {
      skip('needs sudo');
    }
    const rules = await mkdtemp(join(dir, 'sudoers-'));
    const rule = join(rules, 'pollgate');
    await writeFile(rule, `nobody ALL=(root) NOPASSWD: ${programs.netprobe}\n`, { mode: 0o440 });
    const through = withFirst(`mount --bind ${rules} /etc/sudoers.d`, 'unshare', '--mount');
    const checks = await asNobody(programs, through);
    expect(checks.get('privileges')?.seen).toBe('sudo without a password');
    const root = (await runDoctorProcess({ options: programs })).get('ebpf');
    expect(checks.get('ebpf')?.state).toBe(root?.state);
  });
});

describe('examine', () => {
  const prerequisite = { id: 'x', title: 'X', lost: ['all'], inspect: 'look at x' };

  test('a check that throws is an answer, on one line and without a stack', async () => {
    const look = () => Promise.reject(new Error('first\nsecond'));
    expect(await examine({ ...prerequisite, look }, anyContext)).toEqual({
      ...{ id: 'x', title: 'X', state: 'degraded', lost: ['all'], remedy: 'look at x' },
      seen: 'could not be looked at: first; second',
    });
  });

  test('what a check found is passed on', async () => {
    const outcome = degraded('seen', { lost: ['one'], remedy: 'mend' });
    const look = () => Promise.resolve(outcome);
    expect(await examine({ ...prerequisite, look }, anyContext)).toEqual({
      ...{ id: 'x', title: 'X' },
      ...outcome,
    });
  });
});

test('capabilities that are there are not lost', () => {
  const check = (id: string, state: Check['state']): Check => ({
    ...{ id, state, title: id, seen: 'seen', lost: ['a', 'b'], remedy: 'mend' },
  });
  expect(lostCapabilities([check('ebpf', 'ok'), check('go', 'missing')])).toEqual([]);
  expect(lostCapabilities([check('ebpf', 'degraded')])).toEqual([
    { capability: 'ebpf', what: 'a, b', reason: 'seen', remedy: 'mend' },
  ]);
});

async function works([file = '', ...args]: string[]): Promise<boolean> {
  return !(await execa(file, args, { reject: false })).failed;
}

async function firstAllowedCpu(): Promise<string> {
  const { stdout } = await execa('grep', ['Cpus_allowed_list', '/proc/self/status']);
  return /\d+/.exec(stdout)?.[0] ?? '0';
}

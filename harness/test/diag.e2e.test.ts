import { once } from 'node:events';
import { access, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { binaryPath, buildPrograms, fixturesModule } from '../build/go-build.ts';
import { findGo } from '../build/go-toolchain.ts';
import { tools } from '../build/programs.ts';
import { Diagnosis } from '../diagnose/diagnosis.ts';
import { findNetprobeAccess, isPrivileged } from '../host/netprobe-access.ts';
import { readJson } from '../lib/json.ts';
import { rootDir } from '../lib/paths.ts';

const cli = join(rootDir, 'harness', 'cli.ts');
const faulty = {
  name: 'faulty',
  moduleDir: fixturesModule,
  package: './cmd/faulty',
  netpoller: 'epoll',
} as const;

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pollgate-diag-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

test('a goroutine leak under load is confirmed by both views, and --fail-on makes it fail', async (context) => {
  context.skip(!(await canProbe()), 'netprobe may not attach here (npm run doctor)');
  const server = await startFaulty(['--fault=goroutine-leak']);
  const load = startLoad(server.address);
  const { exitCode, stdout, stderr } = await diag(server.pid, ['--fail-on=goroutine-leak']);
  await load.stop();
  await server.stop();

  expect({ exitCode, stderr }).toMatchObject({ exitCode: 1 });
  const report = await readReport();
  const leak = report.findings.find(({ cause }) => cause === 'goroutine-leak');
  expect(leak, stdout).toMatchObject({ state: 'confirmed' });
  expect(leak?.evidence.map(({ view }) => view)).toEqual(
    expect.arrayContaining(['kernel', 'runtime']),
  );
  expect(leak?.evidence.flatMap(({ card }) => card?.frames ?? []).join()).toContain(
    'goroutineleak.go',
  );
  expect(report.missing).toEqual([]);
  expect(await readdir(join(dir, 'out'))).toEqual(
    expect.arrayContaining(['diag.json', 'netprobe', 'pprof', 'proc', 'report.html', 'report.md']),
  );
  const again = await execa(process.execPath, [cli, 'report', join(dir, 'out')]);
  expect(again.stdout).toContain('goroutine-leak');
  expect(await readReport()).toEqual(report);
});

test('Ctrl-C keeps what was taken and leaves nothing running', async () => {
  const server = await startFaulty(['--fault=goroutine-leak', '--correct']);
  // A process group of its own, as a shell gives to a command: Ctrl-C goes to all of it.
  const running = execa(process.execPath, diagWords(server.pid, ['--seconds=60']), {
    reject: false,
    detached: true,
  });
  await until(running.stderr, 'process ');
  await untilExists(join(dir, 'out', 'proc', 'begin', 'host-stat'));
  process.kill(-(running.pid ?? 0), 'SIGINT');
  const { exitCode } = await running;
  const leftOver = await processesWith(`target=${server.pid}`);
  await server.stop();

  expect(exitCode).toBe(130);
  expect((await readReport()).endedBy).toBe('interrupted');
  expect(await readdir(join(dir, 'out', 'proc'))).toEqual(expect.arrayContaining(['begin', 'end']));
  expect(leftOver).toEqual([]);
});

test('a pprof endpoint that hangs, floods, lies or bombs costs a time limit and is named', async () => {
  const server = await startFaulty(['--fault=goroutine-leak', '--correct']);
  const commandLine = await readFile(`/proc/${server.pid}/cmdline`);
  const bomb = gzipSync(Buffer.alloc(300 * 1024 * 1024));
  const evil = await listen((request, response) => {
    response.on('error', () => {});
    const query = request.url ?? '';
    if (query.includes('cmdline')) {
      // As net/http/pprof tells it: with nothing after the last word.
      response.end(commandLine.subarray(0, -1));
    } else if (query.includes('goroutine')) {
      response.end(bomb);
    } else if (query.includes('heap')) {
      const more = () => {
        while (response.write(Buffer.alloc(1024 * 1024))) {}
        response.once('drain', more);
      };
      more();
    } else if (query.includes('mutex')) {
      response.end('<html>not a profile</html>');
    } else if (query.includes('block')) {
      response.writeHead(500).end();
    }
    // The CPU profile and the trace are never answered.
  });
  const { exitCode } = await diag(server.pid, [`--pprof=${evil.url}/debug/pprof`]);
  await evil.stop();
  await server.stop();

  expect(exitCode).toBe(0);
  const { missing, findings } = await readReport();
  const said = missing.join('\n');
  expect(said).toContain('heap profile, begin: more than 32 MiB');
  expect(said).toContain('block profile, begin');
  expect(said).toMatch(/CPU profile: .*timed out/);
  expect(said).toContain(
    'goroutine profiles: the profile is larger than 268435456 bytes when unzipped',
  );
  expect(said).toContain('mutex profile: the profile is not gzipped');
  expect(findings.map(({ state }) => state)).not.toContain('confirmed');
});

test('a container is found by its id, and pprof in its network', async (context) => {
  const group = await makeContainerGroup();
  context.skip(group === undefined, 'no cgroup, network or PID namespace can be made here');
  const { path = '', id = '' } = group ?? {};
  const inside = execa(
    'sh',
    [
      ...['-c', 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"', 'sh', path],
      ...['unshare', '--net', '--pid', '--fork', '--kill-child', '--mount-proc'],
      ...['sh', '-c', 'ip link set lo up; exec "$@"', 'sh'],
      ...[(await programs()).faulty, '--fault=goroutine-leak', '--correct'],
    ],
    { reject: false, buffer: false },
  );
  await until(inside.stdout, '"address"');
  const { exitCode, stderr } = await execa(
    process.execPath,
    [cli, 'diag', `--container=${id}`, '--seconds=5', `--out=${join(dir, 'out')}`],
    { reject: false },
  );
  inside.kill('SIGKILL');
  await inside;
  await execa('sh', ['-c', 'until rmdir "$0" 2>/dev/null; do sleep 0.1; done', path]);

  expect(exitCode, stderr).toBe(0);
  const record = JSON.parse(await readFile(join(dir, 'out', 'diag.json'), 'utf8'));
  expect(record.pprof.reason).toBe('found');
  expect((await readReport()).vitals.goroutines).toBeGreaterThan(0);
});

/** The command lines of all processes that hold a text. */
async function processesWith(text: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const commands = await Promise.all(
    // One that ended meanwhile has none.
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return commands.filter((command) => command.includes(text));
}

async function diag(pid: number, words: readonly string[]) {
  return execa(process.execPath, diagWords(pid, ['--seconds=5', ...words]), { reject: false });
}

function diagWords(pid: number, words: readonly string[]): string[] {
  // Its load begins under our eyes: no reason for the circuit breaker.
  return [cli, 'diag', `--pid=${pid}`, '--max-cpu-rise=0', `--out=${join(dir, 'out')}`, ...words];
}

function readReport(): Promise<Diagnosis> {
  return readJson(join(dir, 'out', 'report.json'), Diagnosis, { remedy: '' });
}

async function programs() {
  await buildPrograms(await findGo(), [faulty, tools.loadgen, tools.netprobe], () => {});
  return {
    faulty: binaryPath(faulty),
    loadgen: binaryPath(tools.loadgen),
    netprobe: binaryPath(tools.netprobe),
  };
}

async function canProbe(): Promise<boolean> {
  const { netprobe } = await programs();
  const access = await findNetprobeAccess(netprobe, new AbortController().signal);
  return access !== undefined && isPrivileged(access.capabilities);
}

async function startFaulty(args: readonly string[]) {
  const child = execa((await programs()).faulty, args, { reject: false, buffer: false });
  const line = await until(child.stdout, '"address"');
  const { pid, address } = JSON.parse(line) as { pid: number; address: string };
  return {
    ...{ pid, address },
    stop: async () => {
      child.kill('SIGTERM');
      await child;
    },
  };
}

/** 200 requests a second until it is stopped. */
function startLoad(address: string) {
  const words = ['--url', `http://${address}/`, '--rate=200', '--connections=4', '--duration=120s'];
  const child = execa(binaryPath(tools.loadgen), [...words, '--out', join(dir, 'load')], {
    reject: false,
  });
  return {
    stop: async () => {
      child.kill('SIGTERM');
      await child;
    },
  };
}

/** A cgroup with the name that container runtimes give; undefined where none can be made. */
async function makeContainerGroup(): Promise<{ path: string; id: string } | undefined> {
  const id = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('hex');
  for (const root of ['/sys/fs/cgroup/cpu', '/sys/fs/cgroup']) {
    const path = join(root, `docker-${id}.scope`);
    const { exitCode } = await execa(
      'sh',
      [
        '-c',
        'mkdir "$0" && [ -w "$0/cgroup.procs" ] && unshare --net --pid --fork --mount-proc true && command -v ip nsenter >&2 || { rmdir "$0"; exit 1; }',
        path,
      ],
      { reject: false },
    );
    if (exitCode === 0) {
      return { path, id };
    }
  }
  return undefined;
}

async function listen(
  handle: RequestListener,
): Promise<{ url: string; stop: () => Promise<void> }> {
  const server = createServer(handle).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** The text so far, as soon as it has the words. */
async function until(stream: Readable, words: string): Promise<string> {
  let text = '';
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    text += String(chunk);
    if (text.includes(words) && text.includes('\n')) {
      return text;
    }
  }
  throw new Error(`ended without «${words}»: ${text}`);
}

/** Polls for a file: what would tell of it is what the test is about. */
async function untilExists(path: string): Promise<void> {
  for (;;) {
    const there = await access(path).then(
      () => true,
      () => false,
    );
    if (there) {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

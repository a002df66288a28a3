import { once } from 'node:events';
import {
  access,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { rootDir } from '../../lib/paths.ts';

const script = join(rootDir, 'bpf', 'go-io-diag.sh');

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pollgate-diag-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** Shells that containers have; busybox is told by its own name. */
const shells = [['dash'], ['busybox', 'sh'], ['bash', '--posix']] as const;

async function has(program: string): Promise<boolean> {
  return (await execa('sh', ['-c', `command -v ${program}`], { reject: false })).exitCode === 0;
}

async function run(words: readonly string[], shell: readonly string[] = ['sh']) {
  const [file = 'sh', ...more] = shell;
  return execa(file, [...more, script, ...words], { reject: false, cwd: dir });
}

for (const shell of shells) {
  test(`${shell.join(' ')} parses the script and prints its whole help`, async (context) => {
    context.skip(!(await has(shell[0])), `${shell[0]} is not installed`);
    const { stdout, exitCode, stderr } = await run(['--help'], shell);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    for (const part of ['bare metal', 'Docker', 'Kubernetes', 'Exit codes', '--max-cpu-rise']) {
      expect(stdout).toContain(part);
    }
    expect(stdout.split('\n').filter((line) => line.length > 120)).toEqual([]);
  });
}

test.each([
  [[], 'expected one of --pid, --exe and --container, 0 seen'],
  [['--pid', '1', '--exe', 'x'], 'expected one of --pid, --exe and --container, 2 seen'],
  [['--pid', 'abc'], '--pid: "abc" seen, expected a whole number from 1 to 4194304'],
  [['--pid', '4194304'], 'no process 4194304'],
  [['--pid=4194304'], 'no process 4194304'],
  [['--pid'], '--pid needs a value'],
  [['--pid', '1', '--seconds', '4'], '--seconds: 4 seen, expected a whole number from 5 to 600'],
  [['--exe', 'no such program'], 'no process with an executable named "no such program"'],
  [['--container', 'web-1'], 'expected hexadecimal digits'],
  [['--container', 'abc'], '3 digits seen, expected 12 or more'],
  [['--container', '0123456789abcdef'], 'no Go process in a cgroup'],
  [['--frobnicate'], 'unknown option --frobnicate'],
])('%j is refused', async (words, message) => {
  const { stderr, stdout, exitCode } = await run(words);
  expect(stderr).toContain(message);
  expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 2 });
  expect(await readdir(dir)).toEqual([]);
});

test('a program that is not Go is refused, and so is one that has ended', async () => {
  const sleeping = execa('sleep', ['60'], { reject: false });
  const words = ['--pid', String(sleeping.pid)];
  try {
    const { stderr, exitCode } = await run(words);
    expect(stderr).toContain('is not a Go program');
    expect(exitCode).toBe(2);
  } finally {
    sleeping.kill();
    await sleeping;
  }
  expect((await run(words)).stderr).toContain(`no process ${sleeping.pid}`);
});

test('a directory with something in it is left alone', async () => {
  await writeFile(join(dir, 'kept'), 'kept');
  const go = await goProcess();
  try {
    const { stderr, exitCode } = await run(['--pid', String(go.pid), '--out', dir]);
    expect(stderr).toContain('exists and is not empty');
    expect(exitCode).toBe(2);
    expect(await readdir(dir)).toEqual(['kept']);
  } finally {
    await go.stop();
  }
});

test("another user's process may not be looked at", async (context) => {
  const root = process.getuid?.() === 0;
  context.skip(!root || !(await has('setpriv')), 'only root can start as another user (setpriv)');
  const go = await goProcess();
  try {
    const { stderr, exitCode } = await execa(
      'setpriv',
      [
        ...['--reuid=65534', '--regid=65534', '--clear-groups', '--'],
        ...['sh', script, '--pid', String(go.pid)],
      ],
      { reject: false, cwd: '/' },
    );
    expect(stderr).toContain('may not be looked at');
    expect(stderr).toContain('sudo');
    expect(exitCode).toBe(5);
  } finally {
    await go.stop();
  }
});

test("another program's pprof is not believed", async () => {
  const go = await goProcess();
  const other = createServer((_, response) => response.end('other\0--port=1')).listen(
    0,
    '127.0.0.1',
  );
  await once(other, 'listening');
  const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}/debug/pprof/`;
  const out = join(dir, 'out');
  try {
    const words = ['--pid', String(go.pid), '--pprof', url, '--seconds', '5', '--out', out];
    const { stderr, exitCode } = await run([...words, '--no-summary']);
    expect({ stderr, exitCode }).toMatchObject({ exitCode: 0 });
  } finally {
    other.close();
    await go.stop();
  }
  const { pprof } = JSON.parse(await readFile(join(out, 'diag.json'), 'utf8'));
  expect(pprof).toEqual({
    url: '',
    reason: `${url} is another program's: it tells the command line "other --port=1"`,
  });
});

test.each([
  ['a path with blanks', (netprobe: string) => netprobe],
  ['words, one a line', (netprobe: string) => `env\n${netprobe}`],
])('--netprobe takes %s', async (_, wordsOf) => {
  const folder = join(dir, 'with a blank');
  await mkdir(folder);
  const netprobe = join(folder, 'netprobe');
  await symlink(join(rootDir, '.cache', 'bin', 'netprobe.epoll'), netprobe);
  const recorded = join(rootDir, 'harness', 'test', 'recorded-diagnosis');
  const { stdout } = await run(['--summary-only', recorded, '--netprobe', wordsOf(netprobe)]);
  const shown = await execa(netprobe, ['show', join(recorded, 'netprobe', 'kernel.json')]);
  expect(shown.stdout).not.toBe('');
  expect(stdout).toContain(shown.stdout);
});

/** Some Go program that lives until it is stopped. */
async function goProcess(): Promise<{ pid: number; stop: () => Promise<void> }> {
  const binary = join(rootDir, '.cache', 'bin', 'truthd.epoll');
  await access(binary);
  const child = execa(binary, [], { reject: false, buffer: false });
  await once(child.stdout, 'data');
  return {
    pid: child.pid ?? 0,
    stop: async () => {
      child.kill();
      await child;
    },
  };
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readdir, readFile, readlink, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { cacheDir, rootDir } from '../lib/paths.ts';
import type { Report } from '../report/report.ts';

export interface BenchResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A place for one test's runs, with a temporary folder of its own that must be empty afterwards. */
export interface Workspace {
  reports: string;
  temporary: string;
  remove: () => Promise<void>;
}

export async function makeWorkspace(): Promise<Workspace> {
  const root = await mkdtemp(join(tmpdir(), 'pollgate-e2e-'));
  const temporary = await mkdtemp(join(root, 'tmp-'));
  const reports = join(root, 'reports of this test');
  return { reports, temporary, remove: () => rm(root, { recursive: true, force: true }) };
}

/** The harness as a user's shell starts it; `finished` settles when it has ended. */
export class BenchProcess {
  readonly process: ChildProcess;
  readonly finished: Promise<BenchResult>;
  #stdout = '';
  #stderr = '';

  constructor(
    workspace: Workspace,
    args: readonly string[],
    options: { prefix?: readonly string[]; clone?: string } = {},
  ) {
    const [file = '', ...rest] = [
      ...(options.prefix ?? []),
      process.execPath,
      join(options.clone ?? rootDir, 'harness', 'cli.ts'),
      'bench',
      '--reports',
      workspace.reports,
      ...args,
    ];
    this.process = spawn(file, rest, {
      env: {
        ...process.env,
        TMPDIR: workspace.temporary,
        // All that a run starts inherits this one, and can be told by it.
        PATH: `${process.env['PATH']}:${workspace.temporary}`,
        NO_COLOR: '1',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
    });
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    this.finished = once(this.process, 'close').then(([code]) => ({
      code,
      stdout: this.#stdout,
      stderr: this.#stderr,
    }));
  }

  /** Waits until something is so; fails when the process ends first. */
  async until<T>(look: () => Promise<T | undefined> | T | undefined): Promise<T> {
    for (;;) {
      const found = await look();
      if (found !== undefined) {
        return found;
      }
      if (this.process.exitCode !== null) {
        throw new Error(`the harness ended first:\n${this.#stdout}\n${this.#stderr}`);
      }
      await delay(20);
    }
  }
}

export function bench(workspace: Workspace, ...args: string[]): Promise<BenchResult> {
  return new BenchProcess(workspace, args).finished;
}

/** The only run directory of a workspace. */
export async function runDirOf(workspace: Workspace): Promise<string> {
  const names = await readdir(workspace.reports);
  if (names.length !== 1) {
    throw new Error(
      `one run directory was expected, there are ${names.length}: ${names.join(', ')}`,
    );
  }
  return join(workspace.reports, names[0] ?? '');
}

export async function reportOf(workspace: Workspace): Promise<Report> {
  const text = await readFile(join(await runDirOf(workspace), 'report.json'), 'utf8');
  return JSON.parse(text) as Report;
}

/** Go programs that the runs of a workspace have left running, by name of their binary. */
export async function runningPrograms({
  temporary,
}: Workspace): Promise<{ pid: number; name: string }[]> {
  const bin = join(cacheDir, 'bin');
  // Other tests run beside this one.
  const isOwn = async (pid: string) =>
    (await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')).includes(temporary);
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const exe = await readlink(`/proc/${pid}/exe`).catch(() => '');
      return exe.startsWith(`${bin}/`) && (await isOwn(pid))
        ? [{ pid: Number(pid), name: exe.slice(bin.length + 1) }]
        : [];
    }),
  );
  return found.flat();
}

/** What a run must not change: mounts, and what lies in its temporary folder. */
export async function traces(workspace: Workspace) {
  return {
    programs: await runningPrograms(workspace),
    mounts: await readFile('/proc/self/mountinfo', 'utf8'),
    temporary: await readdir(workspace.temporary),
  };
}

/** A copy of the sources as a clone would hold them, ready built, for another user. */
export async function copyClone(target: string): Promise<void> {
  const { stdout } = await execa(
    'git',
    ['ls-files', '-z', '--cached', '--others', '--exclude-standard'],
    { cwd: rootDir },
  );
  for (const file of stdout.split('\0').filter(Boolean)) {
    await cp(join(rootDir, file), join(target, file));
  }
  await cp(join(cacheDir, 'bin'), join(target, '.cache', 'bin'), { recursive: true });
  await symlink(join(rootDir, 'node_modules'), join(target, 'node_modules'));
}

import { access, constants, mkdtemp, symlink } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { execa } from 'execa';
import Type from 'typebox';
import { expect } from 'vitest';
import { bpfModule, fixturesModule } from '../../build/go-build.ts';
import { findGo, runGo } from '../../build/go-toolchain.ts';
import { parseJson } from '../../lib/json.ts';
import { rootDir } from '../../lib/paths.ts';
import type { DoctorOptions } from '../doctor.ts';
import { Check } from '../host.ts';

/** The Go programs that the doctor asks. */
export interface Programs {
  netprobe: string;
  ringcheck: string;
  /** ringcheck's test binary, which refuses itself io_uring by seccomp when it is told to. */
  ringcheckTest: string;
}

/** Builds the programs into `dir`, from the sources that stand there now. */
export async function buildPrograms(dir: string): Promise<Programs> {
  const go = await findGo();
  const programs = {
    netprobe: join(dir, 'netprobe'),
    ringcheck: join(dir, 'ringcheck'),
    ringcheckTest: join(dir, 'ringcheck.test'),
  };
  await runGo(go, bpfModule, ['build', '-o', programs.netprobe, './cmd/netprobe']);
  await runGo(go, fixturesModule, ['build', '-o', programs.ringcheck, './cmd/ringcheck']);
  await runGo(go, fixturesModule, ['test', '-c', '-o', programs.ringcheckTest, './cmd/ringcheck']);
  return programs;
}

export interface DoctorProcess {
  options: DoctorOptions;
  /** Program and arguments that start the doctor's process in a poorer world. */
  through?: readonly string[];
  env?: Record<string, string>;
}

/** Runs the doctor in a process of its own, and holds its answer to what every answer must be. */
export async function runDoctorProcess({
  options,
  through = [],
  env = {},
}: DoctorProcess): Promise<Map<string, Check>> {
  const code = `
    const { runDoctor } = await import(${JSON.stringify(join(rootDir, 'harness/host/doctor.ts'))});
    process.stdout.write(JSON.stringify(await runDoctor(JSON.parse(process.argv[1]))));
  `;
  // A busy machine must not fail a test.
  const patient = JSON.stringify({ timeLimitMs: 60_000, ...options });
  const node = [process.execPath, '--input-type=module', '--eval', code, patient];
  const [file = '', ...args] = [...through, ...node];
  const { stdout, stderr } = await execa(file, args, { env });
  expect(stderr).toBe('');
  const source = { name: 'the doctor', remedy: '' };
  const checks = parseJson(stdout, Type.Array(Check), source);
  expect(stdout).not.toMatch(/\\n\s+at |TypeError|node:internal/);
  for (const { state, lost, remedy } of checks) {
    expect(remedy === '').toBe(state === 'ok');
    expect(remedy).not.toContain('\n');
    expect(lost.length > 0).toBe(state !== 'ok');
  }
  return new Map(checks.map((check) => [check.id, check]));
}

/** A folder for PATH that has the programs which the doctor looks for, without some of them. */
export async function pathWithout(dir: string, ...left: string[]): Promise<string> {
  const bin = await mkdtemp(join(dir, 'bin-'));
  for (const name of ['go', 'git', 'taskset', 'setpriv', 'sudo', 'true', 'sh', 'sleep']) {
    const found = left.includes(name) ? undefined : await findOnPath(name);
    if (found !== undefined) {
      await symlink(found, join(bin, name));
    }
  }
  return bin;
}

/** Absolute path of a program; undefined if PATH has none. */
export async function findOnPath(name: string): Promise<string | undefined> {
  for (const dir of (process.env['PATH'] ?? '').split(delimiter)) {
    try {
      await access(join(dir, name), constants.X_OK);
      return join(dir, name);
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

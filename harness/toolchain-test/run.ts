import { access, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { GoToolchain } from '../build/go-toolchain.ts';
import { runGo } from '../build/go-toolchain.ts';
import { fixturesModule } from '../build/program.ts';
import { Child } from '../lib/child.ts';
import { infrastructureError, usageError } from '../lib/errors.ts';
import { orAborted } from '../lib/interrupt.ts';
import { badOf, comparePackage, joinTurns, type Side } from './compare.ts';
import { TurnReader, type TurnResult } from './events.ts';
import type { TestedPackage } from './packages.ts';
import type { PackageResult, SideResult } from './result.ts';

/** A turn repeats every test at most so often: then the other side has its turn. */
const perTurn = 5;
/** Compiling the tests of a package from nothing, on a busy machine. */
const buildMs = 20 * 60_000;
const progressMs = 10_000;

export interface TestRun {
  stock: GoToolchain;
  experiment: GoToolchain;
  /** Where test programs may be put while they run. */
  scratch: string;
  signal: AbortSignal;
  say: (text: string) => void;
}

type SideName = 'stock' | 'experiment';

/**
 * Runs the tests of one package `count` times on both sides, in turns, and compares.
 * @throws the signal's reason when it is aborted; PollgateError for a toolchain that is not the one it should be
 */
export async function testPackage(
  run: TestRun,
  tested: TestedPackage,
  count: number,
): Promise<PackageResult> {
  const turns: Record<SideName, TurnResult[]> = { stock: [], experiment: [] };
  const ns: Record<SideName, number> = { stock: 0, experiment: 0 };
  const builtWith: Record<SideName, string> = { stock: '', experiment: '' };
  const counts = splitTurns(count);
  for (const [index, times] of counts.entries()) {
    const order: SideName[] = index % 2 === 0 ? ['stock', 'experiment'] : ['experiment', 'stock'];
    for (const side of order) {
      const label = `${tested.path}, ${side === 'stock' ? 'stock' : 'io_uring'}, turn ${index + 1} of ${counts.length}`;
      const begin = process.hrtime.bigint();
      const turn = await runTurn(run, { tested, side, times, label });
      turns[side].push(turn.result);
      ns[side] += Number(process.hrtime.bigint() - begin);
      builtWith[side] ||= turn.builtWith;
    }
  }
  const [stock, experiment] = [joinTurns(turns.stock), joinTurns(turns.experiment)];
  return {
    package: tested.path,
    count,
    short: tested.short,
    run: tested.run,
    timeoutMs: tested.timeoutMs,
    stock: summarize(stock, builtWith.stock, ns.stock),
    experiment: summarize(experiment, builtWith.experiment, ns.experiment),
    ...comparePackage(stock, experiment),
  };
}

interface Turn {
  tested: TestedPackage;
  side: SideName;
  times: number;
  label: string;
}

async function runTurn(
  { scratch, signal, say, ...sides }: TestRun,
  { tested, side, times, label }: Turn,
): Promise<{ result: TurnResult; builtWith: string }> {
  signal.throwIfAborted();
  const go = sides[side];
  const program = join(scratch, `${side}.test`);
  const child = await Child.start({
    label,
    command: [
      ...[join(go.goroot, 'bin', 'go'), '-C', fixturesModule, 'test', '-json', '-vet=off'],
      ...[`-count=${times}`, `-timeout=${tested.timeoutMs}ms`, '-o', program],
      ...(tested.short ? ['-short'] : []),
      ...(tested.run === '' ? [] : ['-run', tested.run]),
      tested.path,
    ],
    lines: true,
    env: go.env,
  });
  const reader = new TurnReader();
  const begin = performance.now();
  const tell = () =>
    say(`${label}: ${reader.ended} results, ${Math.round((performance.now() - begin) / 1000)} s`);
  const timer = setInterval(tell, progressMs);
  try {
    const killed = await orAborted(signal, readAll(child, reader, buildMs + tested.timeoutMs));
    tell();
    const result = reader.result(killed);
    const builtWith = result.ending === 'build' ? '' : await versionOf(go, program, side);
    if (result.tests.size === 0) {
      // A package without results compares equal to another one: nothing was tested.
      const words = [...result.said, child.stderrTail()].join('\n').trimEnd();
      const by = `${join(go.goroot, 'bin', 'go')} test -run XXX ${tested.path}`;
      throw infrastructureError(`${label}: no test ran.${words && `\n${words}`}`, by);
    }
    return { result, builtWith };
  } finally {
    clearInterval(timer);
    await child.stop(2_000);
    await rm(program, { force: true });
  }
}

/** @returns whether it had to be killed after `limitMs` */
async function readAll(child: Child, reader: TurnReader, limitMs: number): Promise<boolean> {
  let killed = false;
  const timer = setTimeout(() => {
    killed = true;
    child.kill();
  }, limitMs);
  try {
    for (;;) {
      const line = await child.nextLine(limitMs + 60_000);
      if (line === undefined) {
        await child.exited;
        return killed;
      }
      reader.line(line);
    }
  } finally {
    clearTimeout(timer);
  }
}

/** What the test program was built with, from the program itself: the proof that the sides differ. */
async function versionOf(go: GoToolchain, program: string, side: SideName): Promise<string> {
  const said = await runGo(go, fixturesModule, ['version', program]);
  const version = said.trim().split(': ').at(-1) ?? '';
  if (version.includes('X:io_uring') !== (side === 'experiment')) {
    const expected = side === 'experiment' ? 'with' : 'without';
    throw infrastructureError(
      `The test program says it was built with ${version}, expected is one ${expected} X:io_uring.`,
      'rm -r .cache/toolchain && npm run toolchain',
    );
  }
  return version;
}

/**
 * @throws PollgateError (usage) where the Go has no tests of its own, as some packages of
 * distributions: the tests are part of the standard library's folders, what they read is in testdata
 */
export async function needTests(go: GoToolchain, tested: readonly TestedPackage[]): Promise<void> {
  const src = join(go.goroot, 'src');
  const needed = ['net/net_test.go', 'net/testdata/hosts', 'os/os_test.go', 'os/testdata/hello'];
  for (const path of [...tested.map((one) => one.path), ...needed]) {
    await access(join(src, path)).catch(() => {
      throw usageError(
        `The installed ${go.version} comes without its own tests: ${join(src, path)} is missing.`,
        'install the archive of https://go.dev/dl/, which has them, and put its bin on PATH',
      );
    });
  }
}

function splitTurns(count: number): number[] {
  const turns = Math.ceil(count / perTurn);
  return Array.from(
    { length: turns },
    (_, i) => Math.floor((count * (i + 1)) / turns) - Math.floor((count * i) / turns),
  );
}

function summarize(
  { tests, endings, said }: Side,
  builtWith: string,
  durationNs: number,
): SideResult {
  const all = [...tests.values()];
  const failed = all.filter((counts) => badOf(counts) > 0).length;
  const skipped = all.filter((counts) => badOf(counts) === 0 && counts.pass === 0).length;
  const passed = all.length - failed - skipped;
  return { builtWith, passed, failed, skipped, endings, durationNs, said: said.slice(0, 100) };
}

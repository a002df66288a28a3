/**
 * Runs every check and test of the project and ends with one line: N passed, N failed[, N skipped].
 *
 *   node harness/test/run-all.ts check        format, lint, types, dead code, go vet, unit tests
 *   node harness/test/run-all.ts check e2e    … and the end-to-end tests
 *
 * A skipped test names the missing capability; where the capability is there it fails instead.
 */
import { readFile, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { execa } from 'execa';
import { bpfModule, fixturesModule } from '../build/go-build.ts';
import { findGo, type GoToolchain } from '../build/go-toolchain.ts';
import { messageOf } from '../lib/errors.ts';
import { cacheDir, rootDir } from '../lib/paths.ts';

interface Tally {
  passed: number;
  failed: number;
  skipped: number;
  /** What failed, a text each, told again at the end, where it is not lost in a long output. */
  failures: readonly string[];
}

const nothing: Tally = { passed: 0, failed: 0, skipped: 0, failures: [] };

/** One runner: prints what it has to say, returns what it counted. */
type Runner = () => Promise<Tally>;

const stages = process.argv.slice(2);
const go = await findGo();
const runners: [name: string, stage: string, run: Runner][] = [
  ['format and lint', 'check', tool('biome', 'check', '.')],
  ['types', 'check', tool('tsc', '-p', '.')],
  ['dead code', 'check', tool('knip')],
  ['go vet and gofmt, go-fixtures', 'check', goVet(go, fixturesModule)],
  ['go vet and gofmt, bpf', 'check', goVet(go, bpfModule)],
  ['unit tests, harness', 'check', vitest('unit')],
  [
    'selftest of the gate, simulated',
    'check',
    tool('node', 'harness/cli.ts', 'selftest', '--check'),
  ],
  // Both mostly wait for windows to pass.
  ['go test, both modules', 'check', together(goTest(go, fixturesModule), goTest(go, bpfModule))],
  ['end-to-end tests', 'e2e', together(vitest('e2e'), vitest('e2e-diag'))],
];

let total = nothing;
for (const [name, stage, run] of runners.filter(([, stage]) => stages.includes(stage))) {
  console.log(`\n── ${name} (${stage})`);
  const begin = performance.now();
  const tally = await run().catch((error: unknown) => {
    console.log(messageOf(error));
    return { ...nothing, failed: 1, failures: [messageOf(error)] };
  });
  const failures = tally.failures.map((what) => `${name}: ${what}`);
  total = add(total, { ...tally, failures });
  console.log(`${describe(tally)} in ${((performance.now() - begin) / 1000).toFixed(1)} s`);
}
if (total.failures.length > 0) {
  console.log(`\nfailed:\n${total.failures.map((what) => `  ${what}`).join('\n')}`);
}
console.log(`\n${describe(total)}`);
process.exit(total.failed === 0 && total.passed > 0 ? 0 : 1);

function describe({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/** A check that passes or fails as a whole. */
function tool(file: string, ...args: string[]): Runner {
  return async () => {
    const { exitCode } = await execa(file, args, {
      cwd: rootDir,
      preferLocal: true,
      stdio: 'inherit',
      reject: false,
    });
    return one(exitCode === 0, `${file} ${args.join(' ')}, exit code ${exitCode}`);
  };
}

/** All at once. */
function together(...runners: readonly Runner[]): Runner {
  return async () => {
    const tallies = await Promise.all(runners.map((run) => run()));
    return tallies.reduce(add);
  };
}

function add(a: Tally, b: Tally): Tally {
  return {
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    skipped: a.skipped + b.skipped,
    failures: [...a.failures, ...b.failures],
  };
}

function one(passed: boolean, what: string): Tally {
  return passed ? { ...nothing, passed: 1 } : { ...nothing, failed: 1, failures: [what] };
}

function goVet(toolchain: GoToolchain, cwd: string): Runner {
  return async () => {
    const options = { cwd, env: toolchain.env, extendEnv: false, reject: false } as const;
    const vet = await execa('go', ['vet', './...'], { ...options, stdio: 'inherit' });
    const unformatted = await execa('gofmt', ['-l', '.'], options);
    if (unformatted.stdout !== '') {
      console.log(`not formatted: ${unformatted.stdout}\n  to mend it: npm run format`);
    }
    const passed = vet.exitCode === 0 && unformatted.exitCode === 0 && unformatted.stdout === '';
    return one(passed, unformatted.stdout || 'go vet ./...');
  };
}

interface GoEvent {
  Action: string;
  Package: string;
  Test?: string;
  Output?: string;
}

/** Counts top-level tests; prints the output of what failed, and why tests were skipped. */
function goTest(toolchain: GoToolchain, cwd: string): Runner {
  return async () => {
    const { stdout, stderr } = await execa('go', ['test', '-json', './...'], {
      cwd,
      env: toolchain.env,
      extendEnv: false,
      reject: false,
      maxBuffer: 256 * 1024 * 1024,
    });
    const events = stdout
      .split('\n')
      .flatMap((line) => (line ? [JSON.parse(line) as GoEvent] : []));
    const outputs = Map.groupBy(events, ({ Package, Test }) => `${Package} ${Test ?? ''}`);
    const ended = (action: string) =>
      events.filter(({ Action, Test }) => Action === action && Test && !Test.includes('/'));
    // A package that does not compile or panics fails without a failing test.
    const broken = events.filter(
      ({ Action, Test, Package }) =>
        Action === 'fail' &&
        !Test &&
        !events.some((e) => e.Package === Package && e.Test && e.Action === 'fail'),
    );
    for (const { Package, Test } of [
      ...events.filter((e) => e.Action === 'fail'),
      ...ended('skip'),
    ]) {
      const lines = outputs.get(`${Package} ${Test ?? ''}`) ?? [];
      console.log(lines.map(({ Output }) => Output ?? '').join(''));
    }
    if (stderr !== '') {
      console.log(stderr);
    }
    return {
      passed: ended('pass').length,
      failed: ended('fail').length + broken.length + (events.length === 0 ? 1 : 0),
      skipped: ended('skip').length,
      failures: [...ended('fail'), ...broken].map(
        ({ Package, Test }) => `${Package} ${Test ?? ''}`,
      ),
    };
  };
}

interface VitestSummary {
  numPassedTests: number;
  numFailedTests: number;
  numFailedTestSuites: number;
  numPendingTests: number;
  testResults: readonly {
    name: string;
    status: string;
    message: string;
    assertionResults: readonly { status: string; fullName: string; failureMessages: string[] }[];
  }[];
}

function vitest(project: string): Runner {
  return async () => {
    const file = join(cacheDir, `vitest-${project}.json`);
    await rm(file, { force: true });
    const { exitCode } = await execa(
      'vitest',
      [
        'run',
        '--project',
        project,
        '--reporter=default',
        '--reporter=json',
        `--outputFile=${file}`,
      ],
      { cwd: rootDir, preferLocal: true, stdio: 'inherit', reject: false },
    );
    const summary = JSON.parse(await readFile(file, 'utf8')) as VitestSummary;
    const failed = Math.max(summary.numFailedTests, summary.numFailedTestSuites);
    return {
      passed: summary.numPassedTests,
      failed: exitCode === 0 ? failed : Math.max(1, failed),
      skipped: summary.numPendingTests,
      failures: summary.testResults.flatMap(vitestFailures),
    };
  };
}

/** Of one file: what failed, with the first lines of why. */
function vitestFailures(file: VitestSummary['testResults'][number]): string[] {
  const begin = (text: string) => {
    const lines = text.split('\n').filter((line) => !line.includes('/node_modules/'));
    return lines.slice(0, 12).join('\n    ');
  };
  const failed = file.assertionResults
    .filter(({ status }) => status === 'failed')
    .map(({ fullName, failureMessages }) => `${fullName}: ${begin(failureMessages.join('\n'))}`);
  // A file that cannot be read as tests fails without a failing test.
  const all = failed.length === 0 && file.status === 'failed' ? [begin(file.message)] : failed;
  return all.map((what) => `${relative(rootDir, file.name)}: ${what}`);
}

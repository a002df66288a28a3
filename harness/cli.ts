import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { type AcceptOptions, acceptCommand } from './commands/baseline.ts';
import { benchCommand } from './commands/bench.ts';
import {
  benchDiagnosisCommand,
  type DiagnosisTrialOptions,
  diagnosisSuite,
} from './commands/bench-diagnosis.ts';
import { type BenchLoadOptions, benchLoadCommand } from './commands/bench-load.ts';
import { type BenchProbesOptions, benchProbesCommand } from './commands/bench-probes.ts';
import { buildCommand } from './commands/build.ts';
import { compareCommand } from './commands/compare.ts';
import { type DiagOptions, diagCommand } from './commands/diag.ts';
import { doctorCommand } from './commands/doctor.ts';
import { gateCommand } from './commands/gate.ts';
import type { GateOptions } from './commands/gate-run.ts';
import { loadCommand } from './commands/load.ts';
import { refuseSwallowedOptions } from './commands/npm-options.ts';
import { reportCommand } from './commands/report.ts';
import { type SelftestOptions, selftestCommand } from './commands/selftest.ts';
import { toolchainCommand } from './commands/toolchain.ts';
import {
  refuseWithoutTest,
  type ToolchainTestOptions,
  toolchainTestCommand,
} from './commands/toolchain-test.ts';
import { packageVersion } from './commands/version.ts';
import { type ExitCode, exitCode, messageOf, PollgateError } from './lib/errors.ts';
import { baselinesDir, reportsDir } from './lib/paths.ts';
import { type Group, groups } from './load-accuracy/measurement.ts';
import { allTools } from './load-accuracy/tools/index.ts';
import { causes } from './scenario/cause.ts';
import { knobs, liveWorlds } from './selftest/live/knobs.ts';

const capabilities = ['ebpf', 'pprof', 'io_uring'];
const loadTools = allTools.map(({ id }) => id);

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', ignoreClosed);
}

/** The only place that ends the process. */
process.exit(await main(process.argv));

async function main(argv: string[]): Promise<ExitCode> {
  let code: ExitCode = exitCode.pass;
  const program = makeProgram((result) => {
    code = result;
  });
  try {
    refuseSwallowedOptions(argv.slice(2), process.env);
    await program.parseAsync(argv);
    return code;
  } catch (error) {
    if (error instanceof CommanderError) {
      return error.exitCode === 0 ? exitCode.pass : exitCode.usage;
    }
    if (error instanceof PollgateError) {
      console.error(`\n${error.message}\n  to mend it: ${error.remedy}`);
      return error.exitCode;
    }
    console.error(`\nThis is a bug in pollgate: ${messageOf(error)}`);
    console.error(error instanceof Error ? error.stack : '');
    return exitCode.infrastructure;
  }
}

/** A terminal that was closed, or a reader that left, must not end a run before it is in order. */
function ignoreClosed(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EIO' && error.code !== 'EPIPE') {
    throw error;
  }
}

function makeProgram(done: (code: ExitCode) => void): Command {
  const program = new Command('pollgate')
    .description('Benchmarks Go network I/O and gates merges on p50 and p99.')
    .version(packageVersion)
    .showSuggestionAfterError()
    .exitOverride();
  program
    .command('bench')
    .description('run a suite from its scenarios to its verdict: npm run bench <suite>')
    .argument('<suite>', 'a folder of scenarios/, such as io_uring or fd_leak; or diagnosis')
    .option('--quick', 'fewer and shorter rounds: a look, not a measurement', false)
    .addOption(new Option('--seed <uint64>', 'repeat a run with its seed').argParser(parseSeed))
    .addOption(
      new Option('--require <names>', 'fail with exit code 5 without: ebpf, pprof, io_uring')
        .argParser((text) => parseNames(text, capabilities))
        .default([], 'none'),
    )
    .option('--only <scenario>', 'one scenario of the suite, such as block-4k')
    .option('--scenarios <dir>', 'folder of the suites, for your own project')
    .option('--reports <dir>', 'folder that receives the run directory', reportsDir)
    .option('--baselines <dir>', 'folder of the committed baselines', baselinesDir)
    .option('--full', 'of a matrix: every load, not only those that decide', false)
    .option('--resume <dir>', 'of a matrix or diagnosis: do what this run directory lacks')
    .option('--noise', 'of diagnosis: with a neighbour that takes one CPU', false)
    .action(async (suite: string, options: DiagnosisTrialOptions) => {
      const isTrial = suite === diagnosisSuite;
      done(await (isTrial ? benchDiagnosisCommand(options) : benchCommand(suite, options)));
    });
  program
    .command('gate')
    .description(
      'hold the working tree against the base that it was made from: npm run gate -- --base origin/main',
    )
    .argument('[suites...]', 'folders of scenarios/; all by default')
    .requiredOption(
      '--base <revision>',
      'such as origin/main, a tag or a commit; "baseline": what the committed baselines were recorded from; "release": the last tag',
    )
    .option(
      '--base-go <release>',
      'build the base with another Go, such as go1.26.7; "recorded": what the baseline of --base baseline was recorded with',
    )
    .option('--baselines <dir>', 'folder of the committed baselines, for --base baseline')
    .addOption(new Option('--seed <uint64>', 'repeat a run with its seed').argParser(parseSeed))
    .option('--no-explain', 'do not look for the reason of a red, which takes up to a minute')
    .option('--equal', 'compare equal code on purpose: a trial of the gate itself', false)
    .option('--only <scenario>', 'one scenario, such as hello-http')
    .option('--head-args <args>', 'for the head alone: a trial of the gate with a known change')
    .option('--scenarios <dir>', 'folder of the suites, for your own project')
    .option('--reports <dir>', 'folder that receives the run directory', reportsDir)
    .action(async (suites: string[], options: GateOptions) => {
      done(await gateCommand(suites, options));
    });
  program
    .command('bench-load')
    .description(
      'put load generators, ours among them, to the test on a server whose timing is known: npm run bench:load',
    )
    .option('--quick', 'fewer and shorter rounds: a look, not a measurement', false)
    .addOption(new Option('--rounds <n>', 'default: 5, or 2').argParser(parseCount))
    .addOption(new Option('--minutes <n>', 'stop sooner; default: 25, or 3').argParser(parseCount))
    .addOption(new Option('--seed <uint64>', 'repeat a run with its seed').argParser(parseSeed))
    .addOption(
      new Option('--only <groups>', `of ${groups.join(', ')}`).argParser(
        (text) => parseNames(text, groups) as Group[],
      ),
    )
    .addOption(
      new Option('--tools <names>', `of ${loadTools.join(', ')}`).argParser((text) =>
        parseNames(text, loadTools),
      ),
    )
    .addOption(
      new Option('--without <names>', 'all but these')
        .argParser((text) => parseNames(text, loadTools))
        .default([], 'none'),
    )
    .option('--reports <dir>', 'folder that receives the result', reportsDir)
    .action(async (options: BenchLoadOptions) => done(await benchLoadCommand(options)));
  program
    .command('bench-probes')
    .description('measure what netprobe and its like cost a Go server: npm run bench:probes')
    .option('--quick', 'fewer pairs of windows: a look, not a measurement', false)
    .addOption(new Option('--seed <uint64>', 'repeat a run with its seed').argParser(parseSeed))
    .option('--only <names>', 'sets, probes or tools, separated by commas', (text) =>
      text.split(','),
    )
    .option('--reports <dir>', 'folder that receives the result', reportsDir)
    .action(async (options: BenchProbesOptions) => done(await benchProbesCommand(options)));
  program
    .command('selftest')
    .description(
      'try the gate and the rules of others on simulated machines; writes the tables of docs/statistics.md',
    )
    .addOption(
      new Option(
        '--decisions <n>',
        'of each world; fewer than all is a look. With --live: of the real gate',
      ).argParser(parseCount),
    )
    .option('--check', 'change nothing, fail when the page does not say what was seen', false)
    .option('--live', 'let the real gate decide about equal code, and log it', false)
    .addOption(
      new Option('--minutes <n>', 'of --live: begin no decision after so many').argParser(
        parseCount,
      ),
    )
    .addOption(
      new Option(
        '--world <name>',
        'of --live: foreign has a hog on half of each core, and bursts',
      ).choices([...liveWorlds]),
    )
    .addOption(
      new Option('--knob <name>', 'of --live: what makes the head worse').choices(
        knobs.map(({ name }) => name),
      ),
    )
    .action(async (options: SelftestOptions) => done(await selftestCommand(options)));
  program
    .command('load')
    .description(
      'load a server of your own: npm run load -- --url http://127.0.0.1:8080/ --rate 5000',
    )
    .argument('[words...]', 'what the generator takes; none: its help')
    .allowUnknownOption()
    .helpOption(false)
    .action(async (_words: string[], _options: object, command: Command) => {
      done(await loadCommand(command.args));
    });
  program
    .command('diag')
    .description(
      'name the root cause of what a running Go process does: npm run diag -- --pid 4711; all options: sh bpf/go-io-diag.sh --help',
    )
    .argument('[words...]', 'what bpf/go-io-diag.sh takes: --pid N, --exe NAME, --seconds N, …')
    .addOption(
      new Option(
        '--fail-on <causes>',
        'end with exit code 1 if one of these is confirmed; any: all of them',
      )
        .argParser((text) => parseNames(text, ['any', ...causes]))
        .default([], 'none'),
    )
    .option('--out <dir>', 'folder for evidence and report; default: a new one below reports/')
    .allowUnknownOption()
    .action(async (words: string[], options: DiagOptions) => {
      done(await diagCommand(words, options));
    });
  program
    .command('report')
    .description('derive the reports of a run directory anew')
    .argument('<run directory>', 'such as reports/20260101T000000Z-io_uring')
    .action(async (directory: string) => done(await reportCommand(directory)));
  program
    .command('compare')
    .description('show two run directories side by side: npm run compare -- <A> <B>')
    .argument('<A>', 'a run directory, such as reports/20260101T000000Z-io_uring')
    .argument('<B>', 'another one of the same kind')
    .action(async (a: string, b: string) => done(await compareCommand(a, b)));
  program
    .command('baseline')
    .description('change the committed baselines')
    .command('accept')
    .description(
      'make the baselines of a suite from its newest fitting runs: complete, clean, full',
    )
    .argument('<suite>', 'a folder of scenarios/')
    .option('--reports <dir>', 'folder of the run directories', reportsDir)
    .option('--baselines <dir>', 'folder of the committed baselines', baselinesDir)
    .option('--runs <ids>', 'from these runs only, separated by commas', (ids) => ids.split(','))
    .action(async (suite: string, options: AcceptOptions) => {
      done(await acceptCommand(suite, options));
    });
  program
    .command('doctor')
    .description('look at every prerequisite: what is missing, what is lost, what mends it')
    .option('--json', 'as JSON', false)
    .action(async (options: { json: boolean }) => done(await doctorCommand(options)));
  program
    .command('toolchain')
    .description('make the Go in which io_uring is an experiment, into .cache/')
    .option('--test', 'run Go’s own tests under it and on stock, and compare test by test', false)
    .addOption(
      new Option('--count <n>', 'of --test: how often each side runs every test').argParser(
        parseCount,
      ),
    )
    .option('--only <packages>', 'of --test: such as net,os', (text) => text.split(','))
    .option('--reports <dir>', 'of --test: folder that receives the result', reportsDir)
    .action(async ({ test, ...options }: ToolchainTestOptions & { test: boolean }) => {
      refuseWithoutTest(test, options);
      done(await (test ? toolchainTestCommand(options) : toolchainCommand()));
    });
  program
    .command('build', { hidden: true })
    .description('build the Go programs into .cache/')
    .action(async () => done(await buildCommand()));
  return program;
}

function parseSeed(text: string): string {
  if (!/^\d{1,20}$/.test(text) || BigInt(text) >= 2n ** 64n) {
    throw new InvalidArgumentError('a decimal number from 0 to 18446744073709551615 is needed.');
  }
  return text;
}

function parseNames(text: string, known: readonly string[]): string[] {
  const names = text.split(',');
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new InvalidArgumentError(`${unknown} is not one of ${known.join(', ')}.`);
  }
  return names;
}

function parseCount(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) {
    throw new InvalidArgumentError('a whole number from 1 to 9999 is needed.');
  }
  return Number(text);
}

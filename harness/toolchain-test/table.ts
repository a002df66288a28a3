import { markdownTable } from '../lib/markdown.ts';
import { formatDuration } from '../lib/units.ts';
import { badOf } from './compare.ts';
import type { TestCounts } from './events.ts';
import type { PackageResult, SideResult, ToolchainTest } from './result.ts';

/** The whole result as Markdown: a pure function of it. */
export function renderToolchainTest(result: ToolchainTest): string {
  const { startedAt, durationNs, status, goVersion, kernel, cpus } = result;
  const parts = [
    '# Go’s own tests under GOEXPERIMENT=io_uring',
    `${startedAt}, ${formatDuration(durationNs)}, ${status}. ${goVersion} and ${goVersion}-X:io_uring, Linux ${kernel}, ${cpus} CPUs; both sides run the same tests equally often, in turns.`,
    markdownTable(
      [
        'package',
        'times',
        'stock: passed, failed, skipped',
        'io_uring: passed, failed, skipped',
        'deviations',
        'stock, io_uring took',
      ],
      result.packages.map(packageRow),
    ),
    ...result.packages.flatMap(differences),
    `Repeat it: \`${result.command}\``,
    lastLine(result),
  ];
  return `${parts.join('\n\n')}\n`;
}

/** How many deviations there are, over how many tests; of a run that ended early, that. */
function lastLine({ packages, status }: ToolchainTest): string {
  const count = deviationCount(packages);
  const tests = packages.reduce((sum, { stock }) => sum + stock.passed + stock.failed, 0);
  const what = `${packages.length} packages, ${tests} tests and subtests`;
  if (status !== 'complete') {
    return `${status}: ${count} deviations so far in ${what}`;
  }
  return count === 0
    ? `no deviation: ${what} do under GOEXPERIMENT=io_uring what they do on stock`
    : `${count} ${count === 1 ? 'deviation' : 'deviations'} from stock in ${what}`;
}

export function deviationCount(packages: readonly PackageResult[]): number {
  return packages.reduce((sum, { deviations }) => sum + deviations.length, 0);
}

function packageRow(result: PackageResult): string[] {
  const { package: path, short, run, count, stock, experiment, deviations } = result;
  const flags = [short ? '-short' : '', run === '' ? '' : `-run '${run}'`].filter(Boolean);
  const seconds = (side: SideResult) => formatDuration(side.durationNs);
  return [
    [path, ...flags].join(' '),
    String(count),
    sideCell(stock),
    sideCell(experiment),
    String(deviations.length),
    `${seconds(stock)}, ${seconds(experiment)}`,
  ];
}

function sideCell({ passed, failed, skipped, endings }: SideResult): string {
  const early = ['hang', 'crash', 'build'].filter((ending) =>
    (endings as readonly string[]).includes(ending),
  );
  return [`${passed}, ${failed}, ${skipped}`, ...early].join('; ');
}

function differences({ package: path, deviations, remarks, experiment }: PackageResult): string[] {
  const line = ({ test, kind, stock, experiment: other }: Line) =>
    `- ${path}${test === '' ? '' : ` ${test}`}: ${kind} (stock ${shareOf(stock)}, io_uring ${shareOf(other)})`;
  const words = deviations.length > 0 ? experiment.said : [];
  return [
    ...(deviations.length > 0 ? [deviations.map(line).join('\n')] : []),
    ...(words.length > 0 ? [`\`\`\`text\n${words.join('\n')}\n\`\`\``] : []),
    ...(remarks.length > 0 ? [remarks.map(line).join('\n')] : []),
  ];
}

interface Line {
  test: string;
  kind: string;
  stock: TestCounts;
  experiment: TestCounts;
}

function shareOf(counts: TestCounts): string {
  const { pass, skip, unfinished } = counts;
  const bad = badOf(counts);
  const notes = [
    unfinished > 0 ? `${unfinished} unfinished` : '',
    skip > 0 ? `${skip} skipped` : '',
  ].filter(Boolean);
  return [`failed ${bad} of ${bad + pass}`, ...notes].join(', ');
}

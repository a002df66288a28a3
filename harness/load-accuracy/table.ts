import { markdownTable } from '../lib/markdown.ts';
import { formatDuration, noValue, significant } from '../lib/units.ts';
import { median } from './median.ts';
import { describeNoise } from './noise.ts';
import type { LoadAccuracy, Reading, ToolEntry } from './result.ts';

interface Column {
  title: string;
  measurement: string;
  value: string;
  /** From the stored figure to the number that is printed. */
  factor: number;
  /** Whether a plus sign stands before what is above 0. */
  signed?: boolean;
  /** Name of the true figure, which stands in a row of its own. */
  truth?: string;
}

interface Section {
  title: string;
  intro: string;
  columns: readonly Column[];
}

const toUs = 1e-3;
/** A median of fewer is not published. */
const enoughRounds = 5;

/** Errors at some percentiles, in µs. */
function errorColumns(title: string, measurement: string, percentiles: readonly string[]) {
  return percentiles.map(
    (p): Column => ({
      title: `${title} ${p}, µs`,
      ...{ measurement, value: `${p}ErrorNs`, truth: `${p}TrueNs`, factor: toUs, signed: true },
    }),
  );
}

function missingColumn(title: string, measurement: string): Column {
  return { title: `${title} missing, %`, measurement, value: 'missingRatio', factor: 100 };
}

const sections: readonly Section[] = [
  {
    title: 'One connection, closed loop',
    intro: 'Reported percentile less that of the server’s real service times.',
    columns: [
      ...errorColumns('fixed 50 µs', 'closed-fixed', ['p50', 'p99']),
      ...errorColumns('exponential 200 µs', 'closed-exponential', ['p50', 'p99']),
      ...errorColumns('bimodal 100 µs, 2 % 10 ms', 'closed-bimodal', ['p50', 'p99']),
    ],
  },
  {
    title: 'Constant rate',
    intro:
      'Reported percentile less that of Lindley’s recursion over the schedule that was asked for; exponential service, mean 200 µs, 64 connections.',
    columns: [
      ...errorColumns('2,000/s', 'rate-2000', ['p50', 'p99']),
      missingColumn('2,000/s', 'rate-2000'),
      ...errorColumns('3,500/s', 'rate-3500', ['p50', 'p99']),
      missingColumn('3,500/s', 'rate-3500'),
    ],
  },
  {
    title: 'When requests are sent, and a server that stalls',
    intro:
      'Lag behind an even schedule of 1,500/s, as the server sees it. Then 1,000/s at a server that serves nobody for a fifth of the time.',
    columns: [
      { title: 'lag p50, µs', measurement: 'lag', value: 'p50Ns', factor: toUs },
      { title: 'lag p99, µs', measurement: 'lag', value: 'p99Ns', factor: toUs },
      ...errorColumns('stall', 'omission', ['p50', 'p90', 'p99']),
      missingColumn('stall', 'omission'),
    ],
  },
  {
    title: 'Cost',
    intro:
      'As fast as it can with 64 connections at a server that does nothing; then 10,000 connections at 10,000/s.',
    columns: [
      { title: 'CPU µs per request', measurement: 'cost', value: 'cpuPerRequestNs', factor: toUs },
      { title: 'requests/s', measurement: 'cost', value: 'ratePerSec', factor: 1 },
      { title: 'requests per CPU second', measurement: 'cost', value: 'ratePerCpuSec', factor: 1 },
      { title: 'peak memory, MiB', measurement: 'memory', value: 'maxRssMiB', factor: 1 },
      { title: 'connections open', measurement: 'memory', value: 'connections', factor: 1 },
      { title: 'errors', measurement: 'memory', value: 'errors', factor: 1 },
    ],
  },
];

/** The whole result as Markdown: a pure function of it. */
export function renderResult(result: LoadAccuracy): string {
  const parts = [
    `# Load generators against a server whose timing is known`,
    preamble(result),
    toolTable(result.tools),
    ...sections.flatMap((section) => sectionPart(section, result)),
    ...(result.targets.length > 0 ? [targetPart(result)] : []),
    `Repeat it: \`${result.command}\``,
  ];
  return `${parts.join('\n\n')}\n`;
}

function preamble(result: LoadAccuracy): string {
  const {
    fingerprint: host,
    placement,
    noise,
    rounds,
    startedAt,
    durationNs,
    status,
    failed,
  } = result;
  const few = rounds.done < enoughRounds ? `; fewer than ${enoughRounds}: a look, no result` : '';
  return [
    `${startedAt}, ${formatDuration(durationNs)}, ${status}${failed === '' ? '' : ` (${failed})`}; medians of ${rounds.done} rounds [least, most], ${rounds.planned} planned${few}.`,
    `${host.cpuModel}, ${host.cores} CPUs, Linux ${host.kernel}, hypervisor ${host.hypervisor}; server on CPU ${placement.server}, generators on CPU ${placement.tool}.`,
    describeNoise(noise),
  ].join('\n');
}

function toolTable(tools: readonly ToolEntry[]): string {
  const rows = tools.map(({ title, version, loop, how, missing }) =>
    missing === '' ? [title, version, loop, how] : [title, `not available: ${missing}`, loop, how],
  );
  return markdownTable(['generator', 'version', 'loop', 'how it is called and counts'], rows);
}

function sectionPart({ title, intro, columns: all }: Section, result: LoadAccuracy): string[] {
  const asked = new Set(result.readings.map(({ measurement }) => measurement));
  const columns = all.filter(({ measurement }) => asked.has(measurement));
  const ids = new Set(columns.map(({ measurement }) => measurement));
  const readings = result.readings.filter(({ measurement }) => ids.has(measurement));
  if (readings.length === 0) {
    return [];
  }
  const notes: string[] = [];
  const rows = result.tools
    .filter(({ missing }) => missing === '')
    .map(({ id, title: name }) => [
      name,
      ...columns.map((column) => {
        const own = readings.filter((r) => r.tool === id && r.measurement === column.measurement);
        return cell(column, own) + mark(notes, own);
      }),
    ]);
  const truth = columns.map(({ truth: name, measurement, factor }) => {
    const values = name === undefined ? [] : valuesOf(readings.filter(isWhole), measurement, name);
    return values.length === 0 ? '' : significant((median(values) ?? 0) * factor);
  });
  const truthRow = truth.some((text) => text !== '') ? [['*true value*', ...truth]] : [];
  const header = ['generator', ...columns.map((column) => column.title)];
  const list = notes.map((text, index) => `${index + 1}. ${text}`).join('\n');
  const counts = [...ids].map((id) => `${id} ${roundsOf(readings, id)}`).join(', ');
  const heading = `## ${title}\n\n${intro} Rounds: ${counts}.`;
  return [heading, markdownTable(header, [...truthRow, ...rows]), ...(list === '' ? [] : [list])];
}

/** Whether about as many requests were sent as asked for: only then is the truth that of the question. */
function isWhole({ values }: Reading): boolean {
  return Math.abs(values['missingRatio'] ?? 0) < 0.02;
}

function roundsOf(readings: readonly Reading[], id: string): number {
  return new Set(readings.filter((r) => r.measurement === id).map(({ round }) => round)).size;
}

function valuesOf(readings: readonly Reading[], measurement: string, name: string): number[] {
  return readings
    .filter((reading) => reading.measurement === measurement)
    .flatMap(({ values }) => values[name] ?? []);
}

/** Median with least and most: «+12.3 [8.10, 20.4]». */
function cell({ measurement, value, factor, signed }: Column, own: readonly Reading[]): string {
  const values = valuesOf(own, measurement, value).map((each) => each * factor);
  const middle = median(values);
  if (middle === null) {
    return noValue;
  }
  const text = (each: number) => `${signed && each > 0 ? '+' : ''}${significant(each)}`;
  return values.length === 1
    ? text(middle)
    : `${text(middle)} [${text(Math.min(...values))}, ${text(Math.max(...values))}]`;
}

/** The number of the note that says how a generator failed; each text stands once. */
function mark(notes: string[], own: readonly Reading[]): string {
  const failed = own.filter((reading) => reading.failed !== '');
  const [first] = failed;
  if (first === undefined) {
    return '';
  }
  const often = failed.length < own.length ? `${failed.length} of ${own.length} rounds: ` : '';
  const text = `${often}${first.failed}`;
  const at = notes.indexOf(text);
  return ` (${at < 0 ? notes.push(text) : at + 1})`;
}

function targetPart({ targets }: LoadAccuracy): string {
  const words = { true: 'met', false: '**not met**', null: 'not decided' } as const;
  const rows = targets.map(({ name, goal, seen, scheduling, met }) => [
    ...[name, goal, seen],
    ...[scheduling || noValue, words[`${met}`]],
  ]);
  const intro = 'Scheduling of its threads: fifo is real-time priority, other is that of everyone.';
  const header = ['goal', 'limit', 'seen', 'scheduling', ''];
  return `## Goals of our generator\n\n${intro}\n\n${markdownTable(header, rows)}`;
}

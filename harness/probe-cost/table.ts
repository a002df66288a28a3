import { markdownTable } from '../lib/markdown.ts';
import { formatDuration, formatNs, formatRate, formatShare, noValue } from '../lib/units.ts';
import { median } from '../load-accuracy/median.ts';
import { describeNoise } from '../load-accuracy/noise.ts';
import { type Quantity, ratiosOf } from './ratios.ts';
import type { Goal, LoadName, Pair, ProbeCost, WatchEntry } from './result.ts';

const titles: Record<LoadName, string> = { half: 'at half load', saturated: 'saturated' };

/** The whole result as Markdown: a pure function of it. */
export function renderResult(result: ProbeCost): string {
  const parts = [
    '# What watching costs a Go server',
    preamble(result),
    mainTable(result),
    ...notes(result),
    ...goalPart(result.goals),
    `Repeat it: \`${result.command}\``,
  ];
  return `${parts.join('\n\n')}\n`;
}

function preamble(result: ProbeCost): string {
  const { fingerprint: host, placement, rates, status, failed } = result;
  const few = result.quick ? '; a look, no result' : '';
  const rate =
    rates === null
      ? 'The rate of saturation was not found.'
      : `Saturation: ${formatRate(rates.saturated)} in closed loop with ${result.connections} connections; half load: ${formatRate(rates.half)} in open loop, which keeps ${busyText(result)}.`;
  const windows = result.measured.flatMap((pair) => [pair.with, pair.without]);
  const doubtful = windows.filter(({ grade }) => grade !== 'valid').length;
  const errors = windows.reduce((sum, window) => sum + window.errors, 0);
  return [
    `${result.startedAt}, ${formatDuration(result.durationNs)}, ${status}${failed === '' ? '' : ` (${failed})`}; medians of the ratios of pairs of windows, with ÷ without, less 1 [least, most]; ${formatNs(result.windowMs * 1e6)} a window${few}.`,
    `${host.cpuModel}, ${host.cores} CPUs, Linux ${host.kernel}, hypervisor ${host.hypervisor}, ${host.goVersion}; server on CPU ${placement.server}, generator on CPU ${placement.generator}.`,
    `${rate} Of ${windows.length} windows the generator calls ${doubtful} not valid; ${errors} requests failed.`,
    describeNoise(result.noise),
  ].join('\n');
}

/** Share of its CPUs that the unwatched server used at half load. */
function busyText({ measured, placement }: ProbeCost): string {
  const busy = median(
    measured
      .filter(({ load }) => load === 'half')
      .map(({ without }) => (without.cpuPerRequestNs * without.ratePerSec) / 1e9),
  );
  const cpus = placement.server.split(',').length;
  const share = busy === null ? noValue : formatShare(busy, cpus);
  return `the unwatched server’s CPUs busy for ${share} of the time`;
}

/** A server that answers less than this share of what is offered is overloaded, and no longer at half load. */
const keepsUpRatio = 0.98;

function isOverloaded(half: readonly Pair[], rates: ProbeCost['rates']): boolean {
  const rate = median(half.map((pair) => pair.with.ratePerSec));
  return rate !== null && rates !== null && rate < keepsUpRatio * rates.half;
}

const columns = [
  'watched by',
  'CPU per request, half load',
  'netprobe’s own estimate',
  'p99, half load',
  'requests/s, saturated',
  'CPU per request, saturated',
  'netprobe’s own estimate, saturated',
  'pairs, half + saturated',
  'what it watches',
];

function mainTable({ watches, measured, rates }: ProbeCost): string {
  const rows = watches.map((watch) =>
    watch.missing === ''
      ? watchRow(
          watch,
          measured.filter((pair) => pair.watch === watch.id),
          rates,
        )
      : [watch.id, ...columns.slice(2).map(() => noValue), `not available: ${watch.missing}`],
  );
  return markdownTable(columns, [unwatchedRow(measured), ...rows]);
}

/** What all windows without anything have in common, in absolute figures. */
function unwatchedRow(measured: readonly Pair[]): string[] {
  const middle = (load: LoadName, quantity: Quantity) =>
    median(measured.flatMap((pair) => (pair.load === load ? (pair.without[quantity] ?? []) : [])));
  return [
    '*unwatched*',
    ...[formatNs(middle('half', 'cpuPerRequestNs')), '', formatNs(middle('half', 'p99Ns'))],
    formatRate(middle('saturated', 'ratePerSec')),
    ...[formatNs(middle('saturated', 'cpuPerRequestNs')), ''],
    '',
    'medians of all windows without anything',
  ];
}

function watchRow(
  { id, kind, how }: WatchEntry,
  own: readonly Pair[],
  rates: ProbeCost['rates'],
): string[] {
  const at = (load: LoadName) => own.filter((pair) => pair.load === load);
  const over = isOverloaded(at('half'), rates) ? ' (overloaded)' : '';
  return [
    kind === 'set' ? `**set ${id}**` : id,
    extraCell(at('half'), 'cpuPerRequestNs') + over,
    estimateCell(at('half')),
    extraCell(at('half'), 'p99Ns'),
    extraCell(at('saturated'), 'ratePerSec'),
    extraCell(at('saturated'), 'cpuPerRequestNs'),
    estimateCell(at('saturated')),
    `${at('half').length} + ${at('saturated').length}`,
    how,
  ];
}

/** «+2.3 % [+0.8, +4.1]». */
function extraCell(pairs: readonly Pair[], quantity: Quantity): string {
  const { median: middle, least, most } = ratiosOf(pairs, quantity);
  return middle === null
    ? noValue
    : `${percent(middle - 1)} % [${percent(least - 1)}, ${percent(most - 1)}]`;
}

function estimateCell(pairs: readonly Pair[]): string {
  const middle = median(pairs.flatMap((pair) => pair.with.estimatedRatio ?? []));
  return middle === null ? noValue : `${percent(middle)} %`;
}

/** One decimal: no figure of a shared machine is better. */
function percent(ratio: number): string {
  const text = (100 * ratio).toFixed(1);
  return text === '-0.0' ? '0.0' : ratio > 0 ? `+${text}` : text;
}

function notes({ failures }: ProbeCost): string[] {
  const lines = failures.map(({ watch, load, why }) => `- ${watch}, ${titles[load]}: ${why}`);
  return lines.length === 0 ? [] : [`Not measured:\n\n${lines.join('\n')}`];
}

function goalPart(goals: readonly Goal[]): string[] {
  if (goals.length === 0) {
    return [];
  }
  const rows = goals.map(({ watch, load, limitRatio, bounds, outcome }) => [
    `${watch}, ${titles[load]}`,
    `≤ ${(100 * limitRatio).toFixed(0)} %`,
    bounds === null ? noValue : `${percent(bounds.lo)} to ${percent(bounds.hi)} %`,
    outcome === 'not met' ? '**not met**' : outcome,
  ]);
  const intro =
    'Of the extra CPU time per request. The median lies between the bounds with 90 %; a goal is decided where they lie on one side of the limit.';
  return [
    `## Goals\n\n${intro}\n\n${markdownTable(['set', 'limit', 'bounds of the median', ''], rows)}`,
  ];
}

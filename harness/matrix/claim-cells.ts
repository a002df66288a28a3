import { ratioIntervalOf } from '../analyze/interval.ts';
import type { Interval } from '../analyze/measurement.ts';
import { formatInteger, formatNs, formatRatio, noValue, significant } from '../lib/units.ts';
import { judgeClaim } from './claim.ts';
import type { Claim } from './description.ts';
import type { ClaimCell, MatrixCell, PairCell, ServerCell } from './matrix-report.ts';
import { groupName, type MatrixGroup, type MatrixPlan, serversOf } from './plan.ts';
import type { MatrixRecord } from './record.ts';
import { starvedOf } from './starved.ts';
import type { ProbedValues } from './values.ts';

export interface ClaimPlace {
  plan: MatrixPlan;
  group: MatrixGroup;
  record: MatrixRecord;
  /** Of this group. */
  cells: readonly MatrixCell[];
  probed: ReadonlyMap<string, readonly ProbedValues[]>;
  /** Servers whose data contradict what they are said to be, and those of whom nothing proves it. */
  contradicted: ReadonlySet<string>;
  unproved: ReadonlySet<string>;
}

/** Every claim that this group tests, in each of its cells that it speaks of. */
export function claimCellsOf(place: ClaimPlace): ClaimCell[] {
  const { plan, group } = place;
  return Object.entries(plan.description.claims)
    .filter(([, claim]) => claim.connections?.includes(group.connections) ?? true)
    .filter(([, claim]) => serversIn(place, claim).every((s) => takesPart(place, s)))
    .flatMap(([name, claim]) => {
      const base = { claim: name, says: claim.says, quantity: claim.quantity };
      const obstacle = obstacleOf(place, claim);
      if (obstacle !== undefined) {
        const cell = `${group.condition}, ${formatInteger(group.connections)} connections`;
        const nothing = { seen: null, reason: '', marked: false };
        return [
          { ...base, cell, ...nothing, verdict: 'not-testable-here' as const, why: obstacle },
        ];
      }
      return claim.quantity.startsWith('wakeup')
        ? [{ ...base, ...wakeupCell(place, claim) }]
        : cellsFor(place, claim).map((cell) => ({ ...base, ...testedCell(place, claim, cell) }));
    });
}

/** With the claims that speak of no cell of the matrix, so that none goes unmentioned. */
export function withUntested(
  { description }: MatrixPlan,
  tested: readonly ClaimCell[],
): ClaimCell[] {
  const untested = Object.entries(description.claims)
    .filter(([name]) => !tested.some(({ claim }) => claim === name))
    .map(([name, { says, quantity, connections }]): ClaimCell => {
      const numbers = (all: readonly number[]) => all.map(formatInteger).join(', ');
      const why =
        connections === undefined || connections.some((n) => description.connections.includes(n))
          ? 'its servers take part in no condition of this matrix together'
          : `it speaks of ${numbers(connections)} connections, and this matrix has ${numbers(description.connections)}`;
      const nothing = { seen: null, reason: '', marked: false };
      return {
        ...{ claim: name, says, quantity, cell: noValue },
        ...nothing,
        verdict: 'not-testable-here',
        why,
      };
    });
  return [...tested, ...untested];
}

/** Of a generator that shares the server's CPU every figure is one of both. */
function sharesCpu({ placement }: MatrixRecord): boolean {
  return placement.generator < 0;
}

/** A ratio of QPS is one of capacities; in closed loop p99 is but the length of the queue (Little's law). */
function cellsFor({ cells }: ClaimPlace, { quantity }: Claim): MatrixCell[] {
  return cells.filter(({ percent }) => (quantity === 'qps-ratio') === (percent === null));
}

function serversIn({ plan }: ClaimPlace, { quantity, of }: Claim): string[] {
  const pair = plan.description.pairs[of];
  return quantity.endsWith('-ratio') && pair !== undefined ? [pair.of, pair.to] : [of];
}

function takesPart({ plan, group }: ClaimPlace, server: string): boolean {
  return serversOf(plan.description, group.condition).includes(server);
}

/** Why nothing in this group can be said; undefined where it was run. */
function obstacleOf(place: ClaimPlace, claim: Claim): string | undefined {
  const { record, plan, group, contradicted, unproved } = place;
  const servers = serversIn(place, claim);
  const names = [groupName(group), ...servers.map((server) => `${plan.id}/${server}`)];
  const untestable = names.map((name) => record.untestable[name]).find((found) => found);
  if (untestable !== undefined) {
    return `${untestable.reason}; to mend it: ${untestable.remedy}`;
  }
  const wrong = servers.find((server) => contradicted.has(server));
  if (wrong !== undefined) {
    return `${wrong} is not what it is said to be, see Fairness`;
  }
  const unsure = servers.find((server) => unproved.has(server));
  if (record.unprobed !== null) {
    return `no probe can be attached, so that no poller is proved: ${record.unprobed.reason}; to mend it: ${record.unprobed.remedy}`;
  }
  if (unsure !== undefined) {
    return `nothing proves that ${unsure} is what it is said to be, see Fairness`;
  }
  if (sharesCpu(record)) {
    return 'servers and generator shared one CPU; to mend it: a machine with two, or more for the container';
  }
  const isWakeup = claim.quantity.startsWith('wakeup');
  return !isWakeup && cellsFor(place, claim).length === 0 ? 'no round was finished' : undefined;
}

/** Reasons for which the generator doubts a window and that lie in itself or under it. */
const latecomers = /\((generator|host)\)$/;

type Tested = Pick<ClaimCell, 'cell' | 'seen' | 'verdict' | 'why' | 'reason' | 'marked'>;

function testedCell(place: ClaimPlace, claim: Claim, cell: MatrixCell): Tested {
  const marked = cell.marks.length > 0;
  const pair = cell.pairs.find((each) => each.pair === claim.of);
  const isRatio = claim.quantity.endsWith('-ratio');
  const quantity = claim.quantity === 'qps-ratio' ? 'qps' : 'p99';
  const server = cell.servers.find((each) => each.server === claim.of);
  const seen = (isRatio ? pair?.[quantity] : server?.p99Ns) ?? null;
  const base = { cell: cell.name, seen, marked, reason: reasonOf(place, claim, cell) };
  if (seen === null) {
    const why = unmeasuredWhy(cell, serversIn(place, claim));
    return { ...base, verdict: 'not-testable-here', why };
  }
  const same = cell.control[quantity];
  return {
    ...base,
    ...judgeClaim(claim, seen, {
      controlShift: same === null ? null : Math.log(same.center),
      ...(isRatio && pair ? { generatorLimits: pair.generatorLimits } : {}),
      starved: quantity === 'qps' ? starvedIn(place, claim, cell) : {},
      late: !isRatio && (server?.reasons.some((reason) => latecomers.test(reason)) ?? false),
    }),
  };
}

/** Which side of a pair did not get its CPUs. */
function starvedIn(
  { plan, record }: ClaimPlace,
  { of }: Claim,
  cell: MatrixCell,
): { of?: boolean; to?: boolean } {
  const pair = plan.description.pairs[of];
  const lacks = (name: string | undefined) => {
    const server = cell.servers.find((each) => each.server === name);
    return server !== undefined && starvedOf(record, plan.description, cell, server) !== undefined;
  };
  return { of: lacks(pair?.of), to: lacks(pair?.to) };
}

function unmeasuredWhy({ servers }: MatrixCell, names: readonly string[]): string {
  const said = servers
    .filter(({ server }) => names.includes(server))
    .flatMap(({ server, failures, invalid, reasons }) => [
      ...failures.slice(0, 1).map((text) => `${server}: ${text.split('\n')[0]}`),
      ...(invalid > 0
        ? [`${server}: the generator disowns ${invalid} windows: ${reasons.join(', ')}`]
        : []),
    ]);
  return said.length === 0 ? 'too few rounds have a value' : said.join('; ');
}

/** What brought a ratio about: both servers' counts per request; for one server its own. */
function reasonOf(place: ClaimPlace, claim: Claim, { servers, pairs }: MatrixCell): string {
  const found = serversIn(place, claim).flatMap(
    (name) => servers.find(({ server }) => server === name) ?? [],
  );
  const each = (label: string, value: (cell: ServerCell) => number | null, write = amount) => {
    const values = found.map(value);
    return values.every((v) => v === null) ? [] : [`${label} ${values.map(write).join(' ÷ ')}`];
  };
  const cpu = cpuRatio(pairs.find(({ pair }) => pair === claim.of));
  const words = [
    ...each(
      'CPU',
      ({ cpuNs }) => cpuNs?.center ?? null,
      (ns) => formatNs(ns),
    ).map((t) => t + cpu),
    ...each('context switches', ({ contextSwitches }) => contextSwitches),
    ...each('system calls', ({ systemCalls }) => systemCalls),
    ...each('task_work', ({ taskWork }) => taskWork),
  ].join('; ');
  return words === '' ? '' : `per request: ${words}`;
}

function cpuRatio(pair: PairCell | undefined): string {
  return pair?.cpu == null ? '' : ` = ${formatRatio(pair.cpu)}`;
}

function amount(value: number | null): string {
  return value === null ? noValue : significant(value);
}

/** From the observed windows: a distribution of as many requests as the claim had, one a round. */
function wakeupCell({ plan, group, probed, cells }: ClaimPlace, claim: Claim): Tested {
  const lowest = Math.min(...plan.percents);
  const cell = `${group.condition}, ${formatInteger(group.connections)} connections, ${lowest} %, observed`;
  const marked = (cells.find(({ percent }) => percent === lowest)?.marks.length ?? 0) > 0;
  const wanted = plan.description.observedRequests;
  const rounds = (probed.get(claim.of) ?? []).flatMap(({ requests, wakeup }) =>
    wakeup === null ? [] : [{ requests, ...wakeup }],
  );
  const fewest = Math.min(...rounds.map(({ requests }) => requests));
  const base = { cell, marked, reason: '' };
  const most = Math.max(...rounds.map(({ requests }) => requests));
  if (rounds.length === 0 || fewest < 0.9 * wanted || most > 1.1 * wanted) {
    const seen =
      rounds.length === 0 ? 'none' : `${formatInteger(fewest)} to ${formatInteger(most)}`;
    const why = `${seen} requests were watched in a window; the claim speaks of ${formatInteger(wanted)}`;
    return { ...base, seen: null, verdict: 'not-testable-here', why };
  }
  const part = ({ 'wakeup-p50': 'p50', 'wakeup-p99': 'p99', 'wakeup-max': 'max' } as const)[
    claim.quantity as 'wakeup-p50' | 'wakeup-p99' | 'wakeup-max'
  ];
  const values = rounds.map((round) => Math.max(1, round[part]));
  const partsOf = (server: string) =>
    (probed.get(server) ?? []).map(({ wakeup }) => (wakeup === null ? null : wakeup[part]));
  const seen: Interval = ratioIntervalOf(
    values,
    `${groupName(group)}/${claim.of}/${claim.quantity}`,
  );
  const woken = Math.min(...rounds.map(({ count }) => count));
  const reason = `${rounds.length} windows, each with ${formatInteger(woken)} wake-ups or more in ${formatInteger(fewest)} requests or more`;
  if (woken < 0.9 * fewest) {
    const why =
      'goroutines found their data without waiting; the claim has a wake-up for each request';
    return { ...base, seen, reason, verdict: 'not-testable-here', why };
  }
  const { control, reference } = plan.description;
  const same = zip(partsOf(control), partsOf(reference)).map(([a, b]) => a / b);
  const controlShift =
    same.length === 0 ? null : Math.log(ratioIntervalOf(same, `${cell}/A/A/${part}`).center);
  return { ...base, seen, reason, ...judgeClaim(claim, seen, { controlShift }) };
}

/** Pairs of positive values at the same places of both. */
function zip(a: readonly (number | null)[], b: readonly (number | null)[]): [number, number][] {
  return a.flatMap((value, at): [number, number][] => {
    const other = b[at] ?? null;
    return value !== null && other !== null && value > 0 && other > 0 ? [[value, other]] : [];
  });
}

import { ratioIntervalOf } from '../analyze/interval.ts';
import type { Interval } from '../analyze/measurement.ts';
import { formatInteger, significant } from '../lib/units.ts';
import type { MatrixDescription } from './description.ts';
import type { GroupEvidence, RoundEvidence } from './evidence.ts';
import type { MatrixCell, PairCell, ServerCell } from './matrix-report.ts';
import { groupName, type MatrixPlan, serversOf } from './plan.ts';
import { busiestGenerator, type Capacity, capacitiesOf } from './rates.ts';
import { phaseNames } from './turn.ts';
import { type ProbedValues, probedValues, type WindowValues, windowValues } from './values.ts';

/** Fewer rounds with a value on both sides make no ratio, where more were planned. */
const fewestRounds = 3;
/** Beyond this the A/A pair's CPU per request marks a cell. */
const controlCpuPercent = 3;

type Quantity = 'perSec' | 'p50Ns' | 'p99Ns' | 'cpuNs';

interface CellPlace {
  plan: MatrixPlan;
  evidence: GroupEvidence;
  /** Null: closed loop. */
  percent: number | null;
  capacities: ReadonlyMap<string, Capacity>;
  probed: ReadonlyMap<string, readonly ProbedValues[]>;
}

/** All cells of a group: saturation, then the loads from the lowest on. */
export function cellsOf(plan: MatrixPlan, evidence: GroupEvidence): MatrixCell[] {
  const capacities = capacitiesOf(evidence.saturation);
  const probed = probedOf(evidence.open);
  const percents = evidence.open.length > 0 ? plan.percents : [];
  const levels = [...(evidence.saturation.length > 0 ? [null] : []), ...percents];
  return levels.map((percent) => cellOf({ plan, evidence, percent, capacities, probed }));
}

/** What the probes saw, by server, one entry a round. */
export function probedOf(rounds: readonly RoundEvidence[]): Map<string, ProbedValues[]> {
  const servers = new Set(rounds.flatMap(({ turns }) => [...turns.keys()]));
  return new Map(
    [...servers].map((server) => [
      server,
      rounds.flatMap(({ turns }) => probedValues(turns.get(server), server) ?? []),
    ]),
  );
}

function cellOf(place: CellPlace): MatrixCell {
  const { plan, evidence, percent } = place;
  const { description } = plan;
  const { group } = evidence;
  const { condition, connections } = group;
  const rounds = percent === null ? evidence.saturation : evidence.open;
  const window = percent === null ? phaseNames.saturation : phaseNames.open(percent);
  const name = `${condition}, ${formatInteger(connections)} connections, ${percent === null ? 'saturation' : `${percent} %`}`;
  const id = `${groupName(group)}/${window}`;
  const all = new Map(
    serversOf(description, condition).map((server) => [
      server,
      rounds.map(({ turns }) => windowValues(turns.get(server), server, window)),
    ]),
  );
  const ratios = (of: string, to: string) => (quantity: Quantity) =>
    ratioOf(all.get(of) ?? [], all.get(to) ?? [], quantity, `${id}/${of}/${to}/${quantity}`);
  const aa = ratios(description.control, description.reference);
  const control = { cpu: aa('cpuNs'), p50: aa('p50Ns'), qps: aa('perSec'), p99: aa('p99Ns') };
  return {
    name,
    group: groupName(group),
    condition,
    connections,
    percent,
    ratePerSec: percent === null ? null : (rounds[0]?.record.ratesPerSec[window] ?? null),
    rounds: rounds.length,
    servers: [...all].map(([server, values]) => serverCell(server, values, { place, rounds, id })),
    pairs: pairsOf(description, all, ratios),
    control,
    marks: marksOf(control),
  };
}

function pairsOf(
  { pairs }: MatrixDescription,
  all: ReadonlyMap<string, readonly (WindowValues | null)[]>,
  ratios: (of: string, to: string) => (quantity: Quantity) => Interval | null,
): PairCell[] {
  const limited = (server: string) =>
    (all.get(server) ?? []).some((value) => (value?.generatorBusy ?? 0) > busiestGenerator);
  return Object.entries(pairs)
    .filter(([, { of, to }]) => all.has(of) && all.has(to))
    .map(([pair, { label, of, to }]) => {
      const ratio = ratios(of, to);
      return {
        ...{ pair, label },
        qps: ratio('perSec'),
        p50: ratio('p50Ns'),
        p99: ratio('p99Ns'),
        cpu: ratio('cpuNs'),
        generatorLimits: { of: limited(of), to: limited(to) },
      };
    });
}

/** Rounds in which both have a value that the generator does not disown; null where they are too few. */
function ratioOf(
  of: readonly (WindowValues | null)[],
  to: readonly (WindowValues | null)[],
  quantity: Quantity,
  name: string,
): Interval | null {
  const ratios = of.flatMap((value, round) => {
    const [a, b] = [usable(value, quantity), usable(to[round] ?? null, quantity)];
    return a === null || b === null ? [] : [a / b];
  });
  return ratios.length < Math.min(fewestRounds, of.length) || ratios.length === 0
    ? null
    : ratioIntervalOf(ratios, name);
}

function usable(value: WindowValues | null, quantity: Quantity): number | null {
  const number = value?.[quantity] ?? null;
  const fit = value !== null && value.grade !== 'invalid' && number !== null && number > 0;
  return fit && Number.isFinite(number) ? number : null;
}

interface ServerPlace {
  place: CellPlace;
  rounds: readonly RoundEvidence[];
  id: string;
}

function serverCell(
  server: string,
  values: readonly (WindowValues | null)[],
  { place, rounds, id }: ServerPlace,
): ServerCell {
  const known = values.filter((value) => value !== null);
  const summary = (quantity: Quantity): Interval | null => {
    const numbers = values.flatMap((value) => usable(value, quantity) ?? []);
    return numbers.length === 0 ? null : ratioIntervalOf(numbers, `${id}/${server}/${quantity}`);
  };
  const probed = place.probed.get(server) ?? [];
  const capacity = place.capacities.get(server)?.perSec;
  const qps = summary('perSec');
  return {
    server,
    qps,
    p50Ns: summary('p50Ns'),
    p99Ns: summary('p99Ns'),
    cpuNs: summary('cpuNs'),
    contextSwitches: meanOf(known.map(({ contextSwitches }) => contextSwitches)),
    systemCalls: meanOf(probed.map(({ systemCalls }) => systemCalls)),
    taskWork: meanOf(probed.flatMap(({ taskWork }) => taskWork ?? [])),
    ownLoad:
      place.percent === null || qps === null || capacity === undefined
        ? null
        : qps.center / capacity,
    generatorBusy: known.length === 0 ? null : Math.max(...known.map((v) => v.generatorBusy)),
    suspect: known.filter(({ grade }) => grade === 'suspect').length,
    invalid: known.filter(({ grade }) => grade === 'invalid').length,
    reasons: [
      ...new Set(
        known.flatMap(({ reasons }) => reasons.map(({ rule, cause }) => `${rule} (${cause})`)),
      ),
    ],
    failures: rounds.flatMap(({ record }) => {
      const turn = record.turns[server];
      return turn !== undefined && 'failure' in turn ? [turn.failure] : [];
    }),
  };
}

function meanOf(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** A cell is marked where the same program twice differs by 3 % in CPU, or by more than its own interval in p50. */
export function marksOf({ cpu, p50 }: Pick<MatrixCell['control'], 'cpu' | 'p50'>): string[] {
  const marks: string[] = [];
  if (cpu === null || p50 === null) {
    return ['A/A was not measured'];
  }
  const percent = 100 * Math.abs(cpu.center - 1);
  if (percent > controlCpuPercent) {
    marks.push(`A/A differs by ${significant(percent)} % in CPU per request`);
  }
  if (p50.lo !== null && p50.hi !== null && (p50.lo > 1 || p50.hi < 1)) {
    marks.push(
      `A/A differs in p50, ×${significant(p50.center)} [${significant(p50.lo)}, ${significant(p50.hi)}]`,
    );
  }
  return marks;
}

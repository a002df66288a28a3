import Type, { type Static } from 'typebox';
import type { Observation } from '../analyze/observation.ts';
import { placeOf } from '../analyze/stacks.ts';
import { servesRequest } from '../analyze/waits.ts';
import { labelledWaits } from '../profile/labels/off-cpu.ts';
import { causes } from '../scenario/cause.ts';
import { rankCauses } from './root-causes.ts';

const strict = { additionalProperties: false } as const;

/** Of one kind of thing: how much of it a second in each program, both under the same load. */
const Change = Type.Object(
  {
    view: Type.Enum(['kernel', 'runtime']),
    kind: Type.Enum(['cpu', 'calls', 'waits']),
    what: Type.String(),
    unit: Type.Enum(['ns', 'count'], { description: 'Of what is counted in a second.' }),
    base: Type.Number({ minimum: 0 }),
    head: Type.Number({ minimum: 0 }),
  },
  strict,
);
export type Change = Static<typeof Change>;

const Cause = Type.Object(
  {
    cause: Type.Enum([...causes]),
    state: Type.Enum(['confirmed', 'suspected']),
    summary: Type.String(),
  },
  strict,
);

/** What is different between two programs, seen alone under the same load: once each, without an interval. */
export const Difference = Type.Object(
  {
    windowNs: Type.Number({ minimum: 0 }),
    causes: Type.Object({ base: Type.Array(Cause), head: Type.Array(Cause) }, strict),
    /** The largest first, of each kind at most `mostOfKind`. */
    changes: Type.Array(Change),
    /** What could not be seen, of which program. */
    missing: Type.Array(Type.String()),
  },
  strict,
);
export type Difference = Static<typeof Difference>;

const mostOfKind = 6;
/** One look has no interval: less is the noise of two looks. */
const leastRatio = 1.2;
/** A second: CPU time and waits in ns, calls as such. Less explains no regression. */
const least = { cpu: 1e6, calls: 20, waits: 2e6 } as const;

/** Pure: the same two directories give the same difference. */
export function difference(base: Observation, head: Observation): Difference {
  const sides = { base, head };
  const changes = kinds.flatMap(({ view, kind, unit, rates }) => {
    const [before, after] = [rates(base), rates(head)];
    if (before === null || after === null) {
      return [];
    }
    return [...new Set([...before.keys(), ...after.keys()])]
      .map((what): Change => {
        const values = { base: before.get(what) ?? 0, head: after.get(what) ?? 0 };
        return { view, kind, what, unit, ...values };
      })
      .filter(isWorthAWord)
      .sort((a, b) => Math.abs(b.head - b.base) - Math.abs(a.head - a.base))
      .slice(0, mostOfKind);
  });
  return {
    windowNs: Math.min(base.windowNs, head.windowNs),
    causes: { base: causesOf(base, 'base'), head: causesOf(head, 'head') },
    changes,
    missing: Object.entries(sides).flatMap(([side, seen]) =>
      kinds
        .filter(({ rates }) => rates(seen) === null)
        .map(({ needs }) => `${side}: ${needs} was not taken`),
    ),
  };
}

function isWorthAWord({ kind, base, head }: Change): boolean {
  const [low, high] = [Math.min(base, head), Math.max(base, head)];
  return high - low >= least[kind] && high >= leastRatio * low;
}

function causesOf(seen: Observation, side: string): Difference['causes']['base'] {
  return rankCauses(seen, side).flatMap(({ cause, state, summary, consequenceOf }) =>
    (state === 'confirmed' || state === 'suspected') && consequenceOf === undefined
      ? [{ cause, state, summary }]
      : [],
  );
}

interface Kind extends Pick<Change, 'view' | 'kind' | 'unit'> {
  /** What it is read from. */
  needs: string;
  /** Amount a second, by name; null where it was not taken. */
  rates: (seen: Observation) => Map<string, number> | null;
}

const kinds: readonly Kind[] = [
  { view: 'runtime', kind: 'cpu', unit: 'ns', needs: 'the CPU profile', rates: cpuByPlace },
  { view: 'kernel', kind: 'calls', unit: 'count', needs: 'netprobe', rates: callsByName },
  { view: 'runtime', kind: 'waits', unit: 'ns', needs: 'the execution trace', rates: waitsByPlace },
];

/** CPU time by the program's own function nearest to the leaf. */
function cpuByPlace({ runtime: { cpu } }: Observation): Map<string, number> | null {
  if (cpu === null || cpu.durationNs === 0) {
    return null;
  }
  const seconds = cpu.durationNs / 1e9;
  return sums(
    cpu.stacks.map(({ frames, value }) => [
      placeOf(frames.map((frame) => frame.function)),
      value / seconds,
    ]),
  );
}

function callsByName({ kernel }: Observation): Map<string, number> | null {
  const calls = kernel?.probe.syscalls;
  return kernel && calls
    ? sums(Object.entries(calls).map(([name, n]) => [name, n / (kernel.windowNs / 1e9)]))
    : null;
}

/** Where requests waited, by label and place; idle connections are no requests. */
function waitsByPlace({ runtime: { trace } }: Observation): Map<string, number> | null {
  if (!trace?.stacks || trace.durationNs === 0) {
    return null;
  }
  const seconds = trace.durationNs / 1e9;
  return sums(
    labelledWaits(trace.stacks)
      .filter(({ names }) =>
        servesRequest({ frames: names.map((name) => ({ function: name, file: '', line: 0 })) }),
      )
      .map(({ label, names, ns }) => [`${label} at ${placeOf(names)}`, ns / seconds]),
  );
}

function sums(entries: readonly (readonly [string, number])[]): Map<string, number> {
  const all = new Map<string, number>();
  for (const [name, value] of entries) {
    all.set(name, (all.get(name) ?? 0) + value);
  }
  return all;
}

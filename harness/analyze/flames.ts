import Type, { type Static } from 'typebox';
import type { TraceSummary } from '../capture/trace-summary.ts';
import { decodeProfile } from '../profile/decode.ts';
import type { WeighedStack } from '../profile/flame-tree.ts';
import { type Compared, type FlameOptions, FlameTree, flameTree } from '../profile/flame-tree.ts';
import { labelBlocked, labelGoroutine } from '../profile/labels/label.ts';
import { labelInCall, namesOf, offCpu } from '../profile/labels/off-cpu.ts';
import { isToolStack } from '../profile/labels/rules.ts';
import { columnOf, framesOf, type Profile, sampleValue } from '../profile/profile.ts';
import type { TraceStacks } from '../profile/trace-stacks.ts';
import { studentTQuantile } from '../stats/student-t.ts';
import type { ScenarioEvidence } from './evidence.ts';
import { placeOf } from './stacks.ts';

/** Stacks of a variant, or of two side by side, over all rounds that have them. */
export const Flame = Type.Object(
  {
    view: Type.Enum(['cpu', 'off-cpu', 'goroutine', 'turn', 'cpu-difference']),
    variant: Type.String(),
    /** Of a difference: the variant that is the base. */
    reference: Type.Optional(Type.String()),
    unit: Type.Enum(['ns', 'count']),
    rounds: Type.Integer({ minimum: 1 }),
    tree: FlameTree,
  },
  { additionalProperties: false },
);

export type Flame = Static<typeof Flame>;

/** Smaller frames are narrower than a pixel and only make the report larger. */
const minShare = 0.001;

/** Of each frame's interval; of frames that do not differ 1 in 100 is coloured by chance. */
export const flameConfidence = 0.99;

/** With fewer rounds an interval says nothing, and no frame is coloured. */
export const fewestRounds = 3;

/**
 * The flame graphs of a scenario: CPU time, turns, time off the CPU, goroutines, and CPU time against the
 * reference. A profile that cannot be read is left out here; the summary of profiles names it.
 * @param maxNodes of all trees together
 */
export function flamesOf(evidence: ScenarioEvidence, maxNodes: number): Flame[] {
  const { scenario } = evidence.plan;
  const variants = Object.keys(scenario.variants);
  const cpu = new Map(variants.map((variant) => [variant, readProfiles(evidence, variant, 'cpu')]));
  const options = { minShare, maxNodes: Math.floor(maxNodes / (5 * variants.length)) };
  const reference = cpu.get(scenario.reference) ?? [];
  return variants.flatMap((variant): Flame[] => {
    const own = cpu.get(variant) ?? [];
    const goroutines = readProfiles(evidence, variant, 'goroutine');
    return [
      ...plain('cpu', variant, own.map(cpuStacks), options),
      ...plain('turn', variant, turnsOf(evidence, variant), options),
      ...plain('off-cpu', variant, traceStacks(evidence, variant), options),
      ...plain('goroutine', variant, goroutines.map(goroutineStacks), options),
      ...(variant === scenario.reference
        ? []
        : difference({ variant, reference: scenario.reference }, reference, own, options)),
    ];
  });
}

/** What one process was seen doing; each null, or empty, where it was not taken. */
export interface ProcessProfiles {
  cpu: Profile | null;
  /** Snapshots over the window. */
  goroutines: readonly Profile[];
  trace: TraceSummary | null;
}

/** The flame graphs of one process; a snapshot of goroutines counts as a round. */
export function flamesOfProcess(
  name: string,
  { cpu, goroutines, trace }: ProcessProfiles,
  maxNodes: number,
): Flame[] {
  const options = { minShare, maxNodes: Math.floor(maxNodes / 4) };
  return [
    ...plain('cpu', name, [cpuStacks(cpu)], options),
    ...plain('turn', name, [turnStacks(trace)], options),
    ...plain('off-cpu', name, [offCpuStacks(trace?.stacks)], options),
    ...plain('goroutine', name, goroutines.map(goroutineStacks), options),
  ];
}

/** Profiles of the rounds, with a gap where a round has none. */
function readProfiles(
  { rounds }: ScenarioEvidence,
  variant: string,
  kind: 'cpu' | 'goroutine',
): (Profile | null)[] {
  return rounds.map((round) => {
    const bytes = (kind === 'cpu' ? round.cpuProfiles : round.goroutineProfiles)[variant];
    try {
      return bytes === undefined ? null : decodeProfile(bytes);
    } catch {
      return null;
    }
  });
}

type Stacks = WeighedStack[] | null;

function plain(
  view: Exclude<Flame['view'], 'cpu-difference'>,
  variant: string,
  perRound: readonly Stacks[],
  options: FlameOptions,
): Flame[] {
  const taken = perRound.filter((stacks) => stacks !== null);
  const all = taken.flat();
  const unit = view === 'goroutine' ? 'count' : 'ns';
  return all.length === 0
    ? []
    : [{ view, variant, unit, rounds: taken.length, tree: flameTree(all, options) }];
}

function cpuStacks(profile: Profile | null): Stacks {
  return profile && stacksOf(profile, columnOf(profile, 'cpu'), () => undefined);
}

/** What they wait for stands below all. */
function goroutineStacks(profile: Profile | null): Stacks {
  return (
    profile && stacksOf(profile, columnOf(profile, 'goroutine'), (names) => labelGoroutine(names))
  );
}

/** What the profiler itself does is not the program’s, and left out. */
function stacksOf(
  profile: Profile,
  column: number,
  labelOf: (names: string[]) => string | undefined,
): WeighedStack[] {
  const stacks: WeighedStack[] = [];
  for (let sample = 0; sample < profile.samples; sample++) {
    const frames = framesOf(profile, sample);
    const names = frames.map(({ name }) => name);
    if (!isToolStack(names)) {
      const label = labelOf(names);
      const below = label === undefined ? [] : [{ name: label, file: '', line: 0 }];
      const values = [Number(sampleValue(profile, sample, column))];
      stacks.push({ frames: [...below, ...frames.reverse()], values });
    }
  }
  return stacks;
}

function traceStacks({ rounds }: ScenarioEvidence, variant: string): Stacks[] {
  return rounds.map((round) => offCpuStacks(round.traces[variant]?.stacks));
}

function turnsOf({ rounds }: ScenarioEvidence, variant: string): Stacks[] {
  return rounds.map((round) => turnStacks(round.traces[variant] ?? null));
}

function offCpuStacks(stacks: TraceStacks | undefined): Stacks {
  return stacks === undefined
    ? null
    : offCpu(stacks).folded.map(({ frames, value }) => ({
        frames: frames.map((name) => ({ name, file: '', line: 0 })),
        values: [Number(value)],
      }));
}

/**
 * What comes of readiness. The netpoller runs on the stack of a thread and the handler on that of a
 * goroutine, so no stack holds both. The edge between them is drawn as what it is: the event, the goroutine
 * that it makes ready, by where it waited, and what that goroutine then does, up to its next such wait.
 */
function turnStacks(trace: TraceSummary | null): Stacks {
  const { stacks, turns } = trace ?? {};
  if (!stacks || !turns?.sums) {
    return null;
  }
  return turns.sums.map(({ place, state, reason, stack, ns }) => {
    const names = stack === null ? [] : namesOf(stacks, stack);
    const doing = {
      runnable: 'is ready, waits for a P',
      running: 'runs',
      syscall: labelInCall(names),
      blocked: labelBlocked(names, reason),
    }[state];
    const from = placeOf(namesOf(stacks, place));
    const frames = ['socket is ready', `goroutine that waited in ${from}`, doing];
    return {
      frames: [...frames, ...names.toReversed()].map((name) => ({ name, file: '', line: 0 })),
      values: [ns],
    };
  });
}

/** Rounds in which both were profiled, as columns: the base’s, then the head’s. */
function difference(
  names: { variant: string; reference: string },
  base: readonly (Profile | null)[],
  head: readonly (Profile | null)[],
  options: FlameOptions,
): Flame[] {
  const pairs = base.flatMap((one, round) => {
    const other = head[round] ?? null;
    return one === null || other === null ? [] : [[one, other] as const];
  });
  const rounds = pairs.length;
  const stacks = pairs.flatMap((pair, round) =>
    pair.flatMap((profile, side) =>
      (cpuStacks(profile) ?? []).map(({ frames, values: [value = 0] }) => ({
        frames,
        values: Array.from({ length: 2 * rounds }, (_, column) =>
          column === side * rounds + round ? value : 0,
        ),
      })),
    ),
  );
  const periodNs = Math.max(0, ...pairs.flat().map(({ period }) => Number(period)));
  const compare = (values: readonly number[]) =>
    comparePaired(values.slice(0, rounds), values.slice(rounds), periodNs);
  return stacks.length === 0
    ? []
    : [
        {
          ...{ view: 'cpu-difference', ...names, unit: 'ns', rounds },
          tree: flameTree(stacks, { ...options, compare }),
        },
      ];
}

/**
 * The difference per round with a t interval over the rounds. The spread is taken for no less than
 * that of counting: samples come one in `periodNs`, and a frame that has few of them in few rounds may
 * have the same number in each by chance.
 */
export function comparePaired(
  base: readonly number[],
  head: readonly number[],
  periodNs: number,
): Compared {
  const n = base.length;
  const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0);
  const [baseSum, headSum] = [sum(base), sum(head)];
  const differences = head.map((value, round) => value - (base[round] ?? 0));
  const mean = sum(differences) / n;
  if (n < fewestRounds) {
    return { base: baseSum, head: headSum, lo: mean, hi: mean, sign: 0 };
  }
  const spread = sum(differences.map((value) => (value - mean) ** 2)) / (n - 1);
  const counting = (periodNs * (baseSum + headSum)) / n;
  const t = -studentTQuantile((1 - flameConfidence) / 2, n - 1);
  const half = t * Math.sqrt(Math.max(spread, counting) / n);
  const [lo, hi] = [Math.round(mean - half), Math.round(mean + half)];
  return { base: baseSum, head: headSum, lo, hi, sign: lo > 0 ? 1 : hi < 0 ? -1 : 0 };
}

import type { TraceStacks } from '../trace-stacks.ts';
import { labelBlocked, labelOnCpu, running, unlabelled } from './label.ts';

/** What a stack weighs. */
export interface FoldedStack {
  /** Names of functions, root first. */
  frames: readonly string[];
  value: bigint;
}

/** What goroutines waited for, blocked or in system calls, by label. Sums over goroutines, in ns. */
export interface OffCpu {
  /** The longest first; `ns` adds up to `totalNs`. */
  labels: { label: string; ns: number; count: number }[];
  totalNs: number;
  /** The part that has a label. */
  labelledNs: number;
  /** By label and stack, root first, the label below all: for a flame graph. */
  folded: FoldedStack[];
}

/**
 * @param idle whether to count what the runtime keeps for itself (`gc:idle`, `rt:…`), which waits
 *   through every trace and says nothing about the program
 * @throws Error for an index that the summary does not contain
 */
export function offCpu(trace: TraceStacks, { idle = false } = {}): OffCpu {
  const labels = new Map<string, { label: string; ns: number; count: number }>();
  const folded = new Map<string, FoldedStack>();
  for (const { label, names, ns, count } of labelledWaits(trace)) {
    if (!idle && idleLabels.test(label)) {
      continue;
    }
    const sum = labels.get(label) ?? { label, ns: 0, count: 0 };
    sum.ns += ns;
    sum.count += count;
    labels.set(label, sum);
    const frames = [label, ...names.toReversed()];
    const stack = folded.get(frames.join('\n')) ?? { frames, value: 0n };
    stack.value += BigInt(ns);
    folded.set(frames.join('\n'), stack);
  }
  if (trace.leftOutNs > 0) {
    const known = labels.get(unlabelled)?.ns ?? 0;
    const count = labels.get(unlabelled)?.count ?? 0;
    labels.set(unlabelled, { label: unlabelled, ns: known + trace.leftOutNs, count });
    folded.set(unlabelled, { frames: [unlabelled], value: BigInt(trace.leftOutNs) });
  }
  const sorted = [...labels.values()].sort((a, b) => b.ns - a.ns || (a.label < b.label ? -1 : 1));
  const total = (kept: typeof sorted) => kept.reduce((sum, { ns }) => sum + ns, 0);
  return {
    labels: sorted,
    totalNs: total(sorted),
    labelledNs: total(sorted.filter(({ label }) => label !== unlabelled)),
    folded: [...folded.values()],
  };
}

/** One kind of wait: its label, the functions, leaf first, and how long and how often within the trace. */
export interface LabelledWait {
  label: string;
  names: string[];
  ns: number;
  count: number;
}

/**
 * Every wait that a trace tells apart.
 * @throws Error for an index that the summary does not contain
 */
export function labelledWaits(trace: TraceStacks): LabelledWait[] {
  const kinds = [
    { waits: trace.blocked, labelOf: labelBlocked },
    { waits: trace.syscalls, labelOf: labelInCall },
  ];
  return kinds.flatMap(({ waits, labelOf }) =>
    waits.map(({ stack, reason, ns, openNs, count, openCount }) => {
      const names = namesOf(trace, stack);
      return { label: labelOf(names, reason), names, ns: ns + openNs, count: count + openCount };
    }),
  );
}

/** Workers of the runtime that have nothing to do; `rt:stw` is the program's own wait, for the world. */
const idleLabels = /^(gc:idle|rt:(trace|other))$/;

/** A goroutine in a system call is off the CPU as far as Go can tell. */
export function labelInCall(names: readonly string[]): string {
  const label = labelOnCpu(names);
  return label === running ? unlabelled : label;
}

/**
 * The functions of a stack, leaf first.
 * @throws Error for an index that the summary does not contain
 */
export function namesOf(trace: TraceStacks, stack: number): string[] {
  const frames = trace.stacks[stack];
  if (frames === undefined) {
    throw new Error(`the trace's summary names stack ${stack} of ${trace.stacks.length}`);
  }
  return frames.map((frame) => {
    const name = trace.functions[frame];
    if (name === undefined) {
      throw new Error(`the trace's summary names function ${frame} of ${trace.functions.length}`);
    }
    return name;
  });
}

import type { Check } from '../host.ts';

/** What a check may look at besides the machine. */
export interface CheckContext {
  /** The clone; results and builds are written below it. */
  rootDir: string;
  /** Path of bpf/cmd/netprobe's binary; it need not exist. */
  netprobe: string;
  /** Path of go-fixtures/cmd/ringcheck's binary; it need not exist. */
  ringcheck: string;
  /** File descriptors that one server or generator has open at the same time. */
  neededDescriptors: number;
  /** Connections from one address to one port that exist at the same time. */
  neededPorts: number;
  /** Aborted when the check has used up its time. */
  signal: AbortSignal;
}

/** What a check found, without what is the same whatever it finds. */
export type Outcome = Pick<Check, 'state' | 'seen' | 'lost' | 'remedy'>;

/** One thing that a run needs, and how to see whether it is there. */
export interface Prerequisite {
  readonly id: string;
  readonly title: string;
  /** What is lost where it is not there at all. */
  readonly lost: readonly string[];
  /** Shows a person what the check looks at: the remedy where the check itself failed. */
  readonly inspect: string;
  /** Looks. Whatever it throws is reported as an outcome. */
  look(context: CheckContext): Promise<Outcome>;
}

/** What is lost and the one command that mends it. */
export interface Loss {
  lost: readonly string[];
  remedy: string;
}

export function ok(seen: string): Outcome {
  return { state: 'ok', seen, lost: [], remedy: '' };
}

/** Runs go on, with less or worse evidence. */
export function degraded(seen: string, { lost, remedy }: Loss): Outcome {
  return { state: 'degraded', seen, lost: [...lost], remedy };
}

/** A run, or a whole suite, cannot be had. */
export function missing(seen: string, { lost, remedy }: Loss): Outcome {
  return { state: 'missing', seen, lost: [...lost], remedy };
}

/**
 * What a change does to a program, as seen when it runs alone on a machine with room to spare: each
 * number multiplies its metric, 1 is nothing. `p50` moves the body of the distribution, `p99` its
 * tail from about p95 on, independently of each other.
 */
export interface Effect {
  p50: number;
  p99: number;
  cpu: number;
}

/** The change that changes nothing: both arms of an A/A run. */
export const noEffect: Effect = { p50: 1, p99: 1, cpu: 1 };

/** What one arm showed in one window; times in ns, whole numbers. */
export interface WindowSummary {
  requests: number;
  p50Ns: number;
  p99Ns: number;
  /** Mean and standard deviation over the requests. */
  meanNs: number;
  sdNs: number;
  cpuPerRequestNs: number;
}

/** A kind of machine, from which machines are drawn. */
export interface World {
  name: string;
  /** What it stands for, one sentence for the docs. */
  description: string;
  /**
   * The ratio that latency shows in the long run is `effect ** amplification`: 1 except where a
   * queue makes more of it. This is what an interval has to cover; CPU is never amplified.
   */
  amplification: number;
  /** A fresh machine; equal seeds give equal machines. */
  open(seed: bigint): Machine;
}

/**
 * A simulated machine. Its state goes on from call to call, so the order of calls matters as the
 * order of measurements does. Durations are in ms, multiples of 50.
 */
export interface Machine {
  /** Fresh processes of all arms start: a new draw of what differs from start to start. */
  start(arms: number): void;
  /**
   * Arms take turns in slices of 50 ms (model/turns.ts), each with the whole rate while it is its turn. An
   * arm's place in `effects` is its place in the order.
   * @param durationMs of the whole window, all arms together
   */
  slices(effects: readonly Effect[], durationMs: number): WindowSummary[];
  /**
   * Every request goes to an arm drawn at random: the same machine state for all, and effects
   * diluted towards each other, since the arms wait in one queue.
   * @param durationMs of the whole window, in which all arms run
   */
  mixed(effects: readonly Effect[], durationMs: number): WindowSummary[];
  /** One program (that of the first arm started), as sequential tools measure. */
  alone(effect: Effect, durationMs: number): WindowSummary;
  /** Time in which nothing is measured. */
  idle(ms: number): void;
  /** The same kind of machine on another day; one machine always gives the same other day. */
  anotherDay(): Machine;
}

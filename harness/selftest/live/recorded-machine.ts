import { type Arm, arms } from '../../scenario/arm.ts';
import type { Machine, WindowSummary } from '../world.ts';
import type { RoundValues, RoundWindows } from './recorded-rounds.ts';

/** Real rounds in the order in which they were measured, each taken once. */
export class RoundStream {
  readonly #rounds: readonly RoundWindows[];
  #front = 0;
  #back: number;
  #taken = 0;

  constructor(rounds: readonly RoundWindows[]) {
    this.#rounds = rounds;
    this.#back = rounds.length;
  }

  /** How many were taken. */
  get taken(): number {
    return this.#taken;
  }

  /** @throws OutOfRounds when all were taken */
  next(): RoundWindows {
    return this.#take(() => this.#front++);
  }

  /** From the end: the farthest from now that there is. @throws OutOfRounds */
  last(): RoundWindows {
    return this.#take(() => --this.#back);
  }

  #take(place: () => number): RoundWindows {
    const round = this.#front < this.#back ? this.#rounds[place()] : undefined;
    if (round === undefined) {
      throw new OutOfRounds();
    }
    this.#taken++;
    return round;
  }
}

/** What was recorded does not suffice for another decision. */
export class OutOfRounds extends Error {}

/**
 * A machine that shows what a real one showed, for rules that measure one program at a time: each run
 * is the sliced window of the next round, of one of the three programs in turn, so that two runs
 * lie as far apart as two runs of such a tool do. Rounds without usable values are left out. An
 * effect multiplies what was seen; mean and spread go with p50.
 */
export function recordedMachine(stream: RoundStream): Machine {
  return machineOf(() => stream.next(), stream);
}

function machineOf(take: () => RoundWindows, stream: RoundStream): Machine {
  const nextRun = (): WindowSummary => {
    for (;;) {
      const arm = arms[stream.taken % arms.length] as Arm;
      const summary = summaryOf(take().sliced[arm]);
      if (summary !== null) {
        return summary;
      }
    }
  };
  return {
    start: () => {},
    idle: () => {},
    alone: (effect) => {
      const { requests, p50Ns, p99Ns, meanNs, sdNs, cpuPerRequestNs } = nextRun();
      return {
        requests,
        p50Ns: p50Ns * effect.p50,
        p99Ns: p99Ns * effect.p99,
        meanNs: meanNs * effect.p50,
        sdNs: sdNs * effect.p50,
        cpuPerRequestNs: cpuPerRequestNs * effect.cpu,
      };
    },
    slices: refuse,
    mixed: refuse,
    anotherDay: () => machineOf(() => stream.last(), stream),
  };
}

function refuse(): never {
  throw new Error('a recorded machine has only runs of one program at a time');
}

function summaryOf(values: RoundValues): WindowSummary | null {
  const { requests, p50, p99, mean, sd, cpu } = values;
  return requests === null ||
    p50 === null ||
    p99 === null ||
    mean === null ||
    sd === null ||
    cpu === null
    ? null
    : { requests, p50Ns: p50, p99Ns: p99, meanNs: mean, sdNs: sd, cpuPerRequestNs: cpu };
}

import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { Child, describeExit, endedEarly } from '../lib/child.ts';
import {
  infrastructureError,
  invalidDataError,
  type PollgateError,
  usageError,
} from '../lib/errors.ts';
import { writeFileAtomic } from '../lib/fs.ts';
import { formatJson, parseJson } from '../lib/json.ts';
import type { Load } from '../scenario/scenario.ts';

const ArmProgress = Type.Object({
  completed: Type.Integer(),
  errors: Type.Integer(),
  p50Ns: Type.Integer(),
  p99Ns: Type.Integer(),
});

/** What the generator says on stdout (go-fixtures/cmd/loadgen). */
const Event = Type.Object({
  event: Type.Enum(['connected', 'phase-start', 'progress', 'phase-end', 'done']),
  phase: Type.Optional(Type.String()),
  elapsedMs: Type.Optional(Type.Integer()),
  arms: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
});

type ArmProgress = Static<typeof ArmProgress>;
export type LoadProgress = Record<string, ArmProgress>;

export interface Phase {
  name: string;
  durationMs: number;
  /** Whether its latencies are recorded. */
  record: boolean;
  /** How the arms share this phase, where it is another way than the load's. */
  interleave?: 'slice' | 'request';
  /** Requests per second of this phase, where it is another rate than the load's. */
  ratePerSec?: number;
}

export interface LoadgenOptions {
  binary: string;
  /** Folder that receives load.json and load.hlog. */
  outDir: string;
  load: Load;
  /** Variant name to address, in the order of the slices. */
  arms: readonly { name: string; address: string }[];
  seed: string;
  phases: readonly Phase[];
  /** CPU to pin to, or -1. */
  cpu: number;
  /** Absolute path of the recording that arrivals of kind "replay" play. */
  recording?: string | undefined;
  /** Instead of the load's open loop: on so many connections the next request when the reply is there. */
  closedLoop?: { connections: number };
}

/** What the generator grants one connection attempt (go-fixtures/internal/loadgen/spec). */
const connectTimeoutMs = 5_000;
/** For a process that shares its CPU with others, and for its files. */
const marginMs = 15_000;

/** The load generator: connections stay up from the first phase to the last. */
export class Loadgen {
  readonly child: Child;
  readonly #phases: readonly Phase[];
  /** All arms, one after the other, up and asked once: with interleave "run" they take turns. */
  readonly #connectMs: number;
  /** How much longer than its schedule a phase may last. */
  readonly #overtimeMs: number;

  private constructor(child: Child, options: LoadgenOptions) {
    this.child = child;
    this.#phases = options.phases;
    const { requestTimeoutMs, interleave } = options.load;
    this.#connectMs = options.arms.length * (connectTimeoutMs + requestTimeoutMs) + marginMs;
    // ABBA: each arm has two stretches, and is connected anew for each.
    this.#overtimeMs = interleave === 'run' ? 2 * this.#connectMs : requestTimeoutMs + marginMs;
  }

  /** Starts it and returns when all connections are up. */
  static async start(options: LoadgenOptions): Promise<Loadgen> {
    const spec = join(options.outDir, 'load-spec.json');
    await writeFileAtomic(spec, formatJson(generatorSpec(options)));
    const child = await Child.start({
      label: 'load generator',
      command: [options.binary, '--spec', spec, '--out', options.outDir],
      lines: true,
    });
    const generator = new Loadgen(child, options);
    try {
      await generator.#expect('connected', generator.#connectMs);
      return generator;
    } catch (error) {
      await child.stop(0);
      throw error;
    }
  }

  /** Runs one phase to its end, its last replies included. */
  async run(name: string, onProgress: (progress: LoadProgress) => void): Promise<void> {
    const phase = this.#phases.find((candidate) => candidate.name === name);
    this.child.writeLine('next');
    await this.#expect('phase-start', this.#connectMs);
    await this.#expect('phase-end', (phase?.durationMs ?? 0) + this.#overtimeMs, onProgress);
  }

  /** Closes the connections, which stay up until then, and waits for the files and the end. */
  async finish(): Promise<void> {
    this.child.writeLine('next');
    await this.#expect('done', marginMs);
    const exit = await this.child.exited;
    if (exit.code !== 0) {
      await this.child.drained();
      const how = `${describeExit(exit)}.${this.child.stderrTail()}`;
      throw infrastructureError(
        `The load generator ended with ${how}`,
        'its last words stand above',
      );
    }
  }

  async #expect(
    wanted: Static<typeof Event>['event'],
    timeoutMs: number,
    onProgress?: (progress: LoadProgress) => void,
  ): Promise<void> {
    for (;;) {
      const line = await this.child.nextLine(timeoutMs);
      if (line === undefined) {
        throw await this.#ended();
      }
      const source = {
        name: 'a line of the load generator',
        remedy: 'npm run bench builds it anew',
      };
      const event = parseJson(line, Event, source);
      if (event.event === wanted) {
        return;
      }
      if (event.event === 'progress') {
        const arms = Type.Record(Type.String(), ArmProgress);
        onProgress?.(parseJson(JSON.stringify(event.arms), arms, source));
      }
    }
  }

  /** The error for a generator that ended by itself: its exit code says whose doing it was. */
  async #ended(): Promise<PollgateError> {
    const { code } = await this.child.exited;
    await this.child.drained();
    const words = this.child.stderrTail();
    switch (code) {
      case exits.refused:
        return usageError(`The load generator refuses the load of the scenario.${words}`, mend);
      case exits.unreachable:
        return invalidDataError(`A server does not serve the load of the scenario.${words}`, look);
      default:
        return endedEarly(this.child);
    }
  }
}

/** Exit codes of go-fixtures/cmd/loadgen that say more than that it failed. */
const exits = { refused: 2, unreachable: 3 } as const;

const mend = 'correct "load" in the scenario file, whose settings bear these names or similar ones';
const look =
  'ask the server by hand (curl -i); then correct "load" in the scenario file (path, method, expectStatus), or the server';

function generatorSpec(options: LoadgenOptions): unknown {
  const { load, arms, seed, phases, cpu } = options;
  return {
    schema: 2,
    protocol: load.protocol,
    arms,
    ...pace(options),
    seed,
    ...(load.protocol === 'http1'
      ? {
          http: {
            method: load.method,
            path: load.path,
            headers: load.headers ?? {},
            ...(load.body === undefined ? {} : { body: load.body }),
            expectStatus: load.expectStatus,
          },
        }
      : { block: { pages: load.pages } }),
    phases,
    requestTimeoutMs: load.requestTimeoutMs,
    connectTimeoutMs,
    ...(cpu < 0 ? {} : { cpus: [cpu] }),
  };
}

/** What makes a request go out: its time in the schedule, or the reply before it. */
function pace({ load, closedLoop, recording }: LoadgenOptions): object {
  if (closedLoop !== undefined) {
    return { mode: 'closed', connectionsPerArm: closedLoop.connections };
  }
  const { arrivals, ratePerSec, interleave, sliceMs } = load;
  return {
    connectionsPerArm: load.connectionsPerVariant,
    ...(ratePerSec === undefined ? {} : { ratePerSec }),
    ...(arrivals === undefined
      ? {}
      : { arrivals: arrivals.kind === 'replay' ? { kind: 'replay', file: recording } : arrivals }),
    interleave,
    sliceMs,
  };
}

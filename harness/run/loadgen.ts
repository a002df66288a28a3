import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { Child, describeExit, endedEarly } from '../lib/child.ts';
import { infrastructureError } from '../lib/errors.ts';
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
}

const connectTimeoutMs = 20_000;

/** The open-loop generator of a round: connections stay up from the first phase to the last. */
export class Loadgen {
  readonly child: Child;
  readonly #phases: readonly Phase[];
  readonly #requestTimeoutMs: number;

  private constructor(child: Child, options: LoadgenOptions) {
    this.child = child;
    this.#phases = options.phases;
    this.#requestTimeoutMs = options.load.requestTimeoutMs;
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
      await generator.#expect('connected', connectTimeoutMs);
      return generator;
    } catch (error) {
      await child.stop(0);
      throw error;
    }
  }

  /** Runs one phase to its end, its last replies included. */
  async run(name: string, onProgress: (progress: LoadProgress) => void): Promise<void> {
    const phase = this.#phases.find((candidate) => candidate.name === name);
    const longest = (phase?.durationMs ?? 0) + this.#requestTimeoutMs + 5_000;
    this.child.writeLine('next');
    await this.#expect('phase-start', connectTimeoutMs);
    await this.#expect('phase-end', longest, onProgress);
  }

  /** Closes the connections, which stay up until then, and waits for the files and the end. */
  async finish(): Promise<void> {
    this.child.writeLine('next');
    await this.#expect('done', connectTimeoutMs);
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
        throw await endedEarly(this.child);
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
}

function generatorSpec(options: LoadgenOptions): unknown {
  const { load } = options;
  return {
    schema: 1,
    protocol: load.protocol,
    arms: options.arms,
    connectionsPerArm: load.connectionsPerVariant,
    ratePerSec: load.ratePerSec,
    interleave: load.interleave,
    sliceMs: load.sliceMs,
    seed: options.seed,
    ...(load.protocol === 'http1'
      ? {
          http: {
            method: load.method,
            path: load.path,
            headers: load.headers ?? {},
            expectStatus: load.expectStatus,
          },
        }
      : { block: { pages: load.pages } }),
    phases: options.phases,
    requestTimeoutMs: load.requestTimeoutMs,
    cpu: options.cpu,
  };
}

import Type from 'typebox';
import { Child, endedEarly } from '../lib/child.ts';
import { parseJson } from '../lib/json.ts';

const Event = Type.Object({ event: Type.Enum(['ready', 'begun', 'ended', 'alarm']) });

/** From the least to the most that is watched; each has the probes of those before it. */
export const probeSets = ['kernel', 'runtime', 'full'] as const;

export type NetprobeWatch = { set: (typeof probeSets)[number] } | { probes: readonly string[] };

const attachTimeoutMs = 15_000;
const answerTimeoutMs = 5_000;

/** The eBPF collector, attached to the servers of a round. */
export class Netprobe {
  readonly child: Child;

  private constructor(child: Child) {
    this.child = child;
  }

  /**
   * Attaches to every target; returns when all probes are in place.
   * @throws PollgateError (infrastructure) with netprobe's own words when it cannot
   */
  static async attach(options: {
    /** The binary, behind `sudo -n` where this process is not root. */
    command: readonly string[];
    targets: Readonly<Record<string, number>>;
    /** What to watch: the probes that `netprobe list` puts into a set, or some by name. */
    watch: NetprobeWatch;
    /** Room in each map for each target. */
    mapEntries: number;
    outFile: string;
  }): Promise<Netprobe> {
    const targets = Object.entries(options.targets);
    const child = await Child.start({
      label: 'netprobe',
      command: [
        ...options.command,
        'run',
        ...targets.flatMap(([name, pid]) => ['--target', `${name}=${pid}`]),
        ...watchFlags(options.watch),
        ...['--map-entries', String(options.mapEntries)],
        '--out',
        options.outFile,
      ],
      lines: true,
    });
    const probe = new Netprobe(child);
    try {
      await probe.#expect('ready', attachTimeoutMs);
      return probe;
    } catch (error) {
      await child.stop(0);
      throw error;
    }
  }

  /** Opens the window: nothing of before is counted. */
  async begin(): Promise<void> {
    this.child.writeLine('begin');
    await this.#expect('begun', answerTimeoutMs);
  }

  /** Closes the window, writes the file and detaches. */
  async end(): Promise<void> {
    this.child.writeLine('end');
    await this.#expect('ended', answerTimeoutMs);
    await this.child.exited;
  }

  async #expect(wanted: 'ready' | 'begun' | 'ended', timeoutMs: number): Promise<void> {
    const event = await this.#nextEvent(timeoutMs);
    if (event !== wanted) {
      throw new Error(`netprobe said ${event} where ${wanted} was due`);
    }
  }

  /** Alarms are in the result as well. */
  async #nextEvent(timeoutMs: number): Promise<string> {
    const source = { name: 'a line of netprobe', remedy: 'npm run doctor' };
    for (;;) {
      const line = await this.child.nextLine(timeoutMs);
      if (line === undefined) {
        throw await endedEarly(this.child);
      }
      const { event } = parseJson(line, Event, source);
      if (event !== 'alarm') {
        return event;
      }
    }
  }
}

function watchFlags(watch: NetprobeWatch): string[] {
  return 'set' in watch ? ['--set', watch.set] : ['--probes', watch.probes.join(',')];
}

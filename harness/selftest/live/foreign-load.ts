import { fileURLToPath } from 'node:url';
import { Child, endedEarly } from '../../lib/child.ts';

const hog = fileURLToPath(new URL('./hog.ts', import.meta.url));

/** Longer than any decision with its builds takes; a hog that was forgotten ends after it. */
const boundSeconds = 900;

/** One hog on each of these CPUs. */
export class ForeignLoad {
  readonly #hogs: readonly Child[];

  private constructor(hogs: readonly Child[]) {
    this.#hogs = hogs;
  }

  /** @param cpus numbers as taskset takes them @throws PollgateError (infrastructure) */
  static async start(cpus: readonly number[]): Promise<ForeignLoad> {
    const hogs: Child[] = [];
    try {
      for (const cpu of cpus) {
        hogs.push(
          await Child.start({
            label: `foreign load on CPU ${cpu}`,
            command: ['taskset', '-c', String(cpu), process.execPath, hog, String(boundSeconds)],
            lines: false,
          }),
        );
      }
      return new ForeignLoad(hogs);
    } catch (error) {
      await Promise.all(hogs.map((child) => child.stop(0)));
      throw error;
    }
  }

  /** Ends it. @throws PollgateError (infrastructure) where a part of it had ended by itself before */
  async stop(): Promise<void> {
    const gone = this.#hogs.find((child) => child.hasExited);
    await Promise.all(this.#hogs.map((child) => child.stop(0)));
    if (gone !== undefined) {
      throw await endedEarly(gone);
    }
  }
}

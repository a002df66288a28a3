import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { infrastructureError, type PollgateError } from './errors.ts';

const live = new Set<Child>();

/** How long the last words may take where something that it started holds its stderr open. */
const lastWordsMs = 500;

export interface ChildOptions {
  /** What the user knows it by: «server epoll», «loadgen». */
  label: string;
  command: readonly string[];
  /** Whether its stdout is read line by line; otherwise it is thrown away. */
  lines: boolean;
  env?: Record<string, string>;
}

export interface ChildExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/**
 * A long-lived process of the harness: line protocol on stdin and stdout, the tail of stderr kept
 * for error messages, a process group of its own, and SIGKILL by the kernel when the harness dies
 * without being able to clean up (setpriv --pdeathsig; the pid stays the same across both execs).
 */
export class Child {
  readonly label: string;
  readonly pid: number;
  /** Settles when the process has ended, its output perhaps not read yet; never rejects. */
  readonly exited: Promise<ChildExit>;
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string> | undefined;
  readonly #silent: Promise<void>;
  #stderr = '';
  #ended = false;

  private constructor(label: string, process: ChildProcess, pid: number) {
    this.label = label;
    this.pid = pid;
    this.#process = process;
    process.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      this.#stderr = (this.#stderr + chunk).slice(-4096);
    });
    const { promise: silent, resolve } = Promise.withResolvers<void>();
    process.stderr?.once('close', resolve);
    this.#silent = silent;
    // A child that ended makes writing to it fail; its exit is reported where it is awaited.
    process.stdin?.on('error', () => {});
    this.#lines =
      process.stdout === null
        ? undefined
        : createInterface({ input: process.stdout })[Symbol.asyncIterator]();
    this.exited = once(process, 'exit').then(([code, signal]) => {
      live.delete(this);
      this.#ended = true;
      return { code, signal };
    });
  }

  /** Starts the process. @throws PollgateError (infrastructure) when it cannot be started */
  static async start(options: ChildOptions): Promise<Child> {
    const [file = '', ...args] = ['setpriv', '--pdeathsig', 'KILL', '--', ...options.command];
    const process = spawn(file, args, {
      ...(options.env ? { env: options.env } : {}),
      detached: true,
      stdio: ['pipe', options.lines ? 'pipe' : 'ignore', 'pipe'],
    });
    try {
      await once(process, 'spawn');
    } catch (cause) {
      const remedy = 'sudo apt-get install util-linux (setpriv and taskset are part of it)';
      throw infrastructureError(`${options.label} could not be started: ${cause}`, remedy, cause);
    }
    const child = new Child(options.label, process, process.pid as number);
    live.add(child);
    return child;
  }

  /**
   * The next line of its stdout, or undefined after the last one.
   * @throws PollgateError (infrastructure) when none comes within `timeoutMs`
   */
  async nextLine(timeoutMs: number): Promise<string | undefined> {
    if (this.#lines === undefined) {
      throw new Error(`${this.label} was started without reading its lines`);
    }
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      const what = `${this.label} said nothing for ${timeoutMs} ms.${this.stderrTail()}`;
      reject(infrastructureError(what, 'run it by hand, or look for another load on this machine'));
    }, timeoutMs);
    try {
      const next = await Promise.race([this.#lines.next(), late]);
      return next.done ? undefined : next.value;
    } finally {
      clearTimeout(timer);
    }
  }

  get hasExited(): boolean {
    return this.#ended;
  }

  writeLine(line: string): void {
    this.#process.stdin?.write(`${line}\n`);
  }

  /** SIGTERM to its process group, SIGKILL after `graceMs`; returns how it ended. */
  async stop(graceMs: number): Promise<ChildExit> {
    this.#process.stdin?.end(); // Ends netprobe behind sudo, which may not be signalled.
    this.#signal('SIGTERM');
    const timer = setTimeout(() => this.kill(), graceMs);
    try {
      return await this.exited;
    } finally {
      clearTimeout(timer);
      this.kill(); // Whatever it started and left behind in its group.
    }
  }

  kill(): void {
    this.#signal('SIGKILL');
  }

  /** Waits for the last words of one that has ended: they may come after its exit. */
  async drained(): Promise<void> {
    await Promise.race([this.#silent, delay(lastWordsMs, undefined, { ref: false })]);
  }

  /** Its last words, indented, to stand behind an error message. */
  stderrTail(): string {
    const text = this.#stderr.trim();
    return text === '' ? '' : `\n${text.replaceAll(/^/gm, '  ')}`;
  }

  #signal(signal: NodeJS.Signals): void {
    try {
      process.kill(-this.pid, signal);
    } catch {
      // The group is gone already.
    }
  }
}

/** Ends every child at once; for the way out of a process that was told to stop. */
export function killAllChildren(): void {
  for (const child of live) {
    child.kill();
  }
}

/** Rejects as soon as one of the children ends, with its last words; never resolves. */
export async function untilOneEnds(children: readonly Child[]): Promise<never> {
  const ended = await Promise.race(
    children.map(async (child) => {
      await child.exited;
      return child;
    }),
  );
  throw await endedEarly(ended);
}

/** The error for a child that ended although it was needed. */
export async function endedEarly(child: Child): Promise<PollgateError> {
  const exit = await child.exited;
  await child.drained();
  return infrastructureError(
    `${child.label} ended by itself: ${describeExit(exit)}.${child.stderrTail()}`,
    'its last words, if it had any, stand above; start it by hand to see more',
  );
}

/** How a process ended, in words. */
export function describeExit(exit: ChildExit): string {
  return exit.signal === null ? `exit code ${exit.code}` : `signal ${exit.signal}`;
}

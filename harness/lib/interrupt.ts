import { killAllChildren } from './child.ts';
import { type ExitCode, exitCode, PollgateError } from './errors.ts';

/** npm passes one Ctrl-C on twice; what comes within this time is the same one. */
const repeatMs = 1_000;

/**
 * An AbortSignal that SIGINT, SIGTERM and SIGHUP abort. The first one lets the run end in order; a
 * second one after a second ends everything at once.
 */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  let first: number | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    const code = signal === 'SIGINT' ? exitCode.interrupted : exitCode.terminated;
    if (first === undefined) {
      first = performance.now();
      controller.abort(interruption(code));
    } else if (performance.now() - first > repeatMs) {
      killAllChildren();
      process.exit(code);
    }
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, onSignal);
  }
  process.on('exit', killAllChildren);
  return controller.signal;
}

function interruption(code: ExitCode): PollgateError {
  return new PollgateError('The run was interrupted.', {
    exitCode: code,
    remedy: 'run it again; rounds that were finished are kept in the run directory',
  });
}

/** What `work` gives, or the signal's reason as soon as it is aborted; `work` then goes unheard. */
export async function orAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  if (signal.aborted) {
    onAbort();
  }
  signal.addEventListener('abort', onAbort);
  try {
    return await Promise.race([aborted, work]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

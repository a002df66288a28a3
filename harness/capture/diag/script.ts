import { join, relative } from 'node:path';
import { execa } from 'execa';
import { type ExitCode, infrastructureError } from '../../lib/errors.ts';
import { rootDir } from '../../lib/paths.ts';

export const diagScript = join(rootDir, 'bpf', 'go-io-diag.sh');

/** Codes of the script that mean the same here. */
const ownCodes: readonly ExitCode[] = [0, 2, 4, 5, 130, 143];

export interface ScriptOptions {
  /** How netprobe is called. */
  netprobe: readonly string[];
  /** Keeps its progress from the terminal; what it complains of is in the error. */
  quiet: boolean;
}

/**
 * Runs bpf/go-io-diag.sh: the one capture of a process from both views.
 * @param words its options
 * @throws PollgateError where it could not be started or was killed
 */
export async function captureProcess(
  words: readonly string[],
  { netprobe, quiet }: ScriptOptions,
): Promise<ExitCode> {
  // Ctrl-C reaches the script too, which then ends in order and keeps what was taken.
  const ignore = () => {};
  process.on('SIGINT', ignore);
  const command = [diagScript, '--no-summary', '--netprobe', netprobe.join('\n'), ...words];
  const stdio = quiet ? (['ignore', 'ignore', 'pipe'] as const) : 'inherit';
  const result = await execa('sh', command, { stdio, reject: false });
  process.off('SIGINT', ignore);
  const code = ownCodes.find((each) => each === result.exitCode);
  if (code === undefined) {
    throw infrastructureError(
      `go-io-diag.sh ended with ${result.exitCode ?? result.signal ?? result.shortMessage}`,
      `sh ${relative(process.cwd(), diagScript)} --help`,
    );
  }
  return code;
}

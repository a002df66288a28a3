import { join, relative } from 'node:path';
import { execa } from 'execa';
import { type ExitCode, exitCode, infrastructureError } from '../../lib/errors.ts';
import { rootDir } from '../../lib/paths.ts';

export const diagScript = join(rootDir, 'bpf', 'go-io-diag.sh');

/** Codes of the script that mean the same here. */
const ownCodes: readonly ExitCode[] = [0, 2, 4, 5, 130, 143];

/** How netprobe is called: words of a command. */
export type NetprobeCommand = readonly string[];

/**
 * Runs bpf/go-io-diag.sh, the one capture of a process from both views, and lets it speak to the terminal.
 * @param words its options
 * @returns the code that it ended with
 * @throws PollgateError where it could not be started or was killed
 */
export async function captureProcess(
  words: readonly string[],
  netprobe: NetprobeCommand,
): Promise<ExitCode> {
  return (await runScript(words, netprobe, false)).code;
}

/**
 * The same without a word.
 * @param signal of an interrupt, which then is what is thrown
 * @throws PollgateError with what the script complained of, where it did not take its whole window
 */
export async function captureQuietly(
  words: readonly string[],
  netprobe: NetprobeCommand,
  signal: AbortSignal,
): Promise<void> {
  const { code, complaint } = await runScript(words, netprobe, true);
  signal.throwIfAborted();
  if (code !== exitCode.pass) {
    throw infrastructureError(`the capture ended with ${code}: ${complaint}`, 'npm run doctor');
  }
}

async function runScript(
  words: readonly string[],
  netprobe: NetprobeCommand,
  quiet: boolean,
): Promise<{ code: ExitCode; complaint: string }> {
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
  return { code, complaint: result.stderr ?? '' };
}

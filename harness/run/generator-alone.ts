import { execa } from 'execa';
import { type ExitCode, exitCode, infrastructureError } from '../lib/errors.ts';

/** Those of the generator that mean the same here. */
const ownCodes: readonly ExitCode[] = [
  ...[exitCode.pass, exitCode.usage, exitCode.invalidData, exitCode.interrupted],
];

/** @throws PollgateError where it could not be started, crashed, or was killed */
export async function runGenerator(binary: string, words: readonly string[]): Promise<ExitCode> {
  // Ctrl-C reaches the generator too, which then ends in order; its exit code is ours.
  const ignore = () => {};
  process.on('SIGINT', ignore);
  const result = await execa(binary, words, { stdio: 'inherit', reject: false });
  process.off('SIGINT', ignore);
  const code = ownCodes.find((own) => own === result.exitCode);
  if (code !== undefined) {
    return code;
  }
  const how =
    result.exitCode !== undefined
      ? `ended with exit code ${result.exitCode}`
      : result.signal !== undefined
        ? `was killed by ${result.signal}`
        : `could not be started: ${result.shortMessage}`;
  throw infrastructureError(
    `The load generator ${how}; expected: exit code ${ownCodes.join(', ')}.`,
    result.exitCode === undefined && result.signal === undefined
      ? 'npm run doctor'
      : 'read its last words above, mend what they name, and run it again',
  );
}

import { execa } from 'execa';

/** How a short-lived program ended. */
export interface ProgramResult {
  /** Whether there is such a program. */
  found: boolean;
  /** undefined where it could not be started or a signal ended it. */
  exitCode: number | undefined;
  stdout: string;
  /** First line of its stderr, or why it could not be started. */
  complaint: string;
}

/** Runs a program that answers and ends. Never throws for what the program does. */
export async function runProgram(
  command: readonly string[],
  signal: AbortSignal,
): Promise<ProgramResult> {
  const [file = '', ...args] = command;
  const result = await execa(file, args, {
    reject: false,
    stdin: 'ignore',
    cancelSignal: signal,
    forceKillAfterDelay: 200,
    // A script's children would keep its pipes open. It also means a session of its own, without
    // the terminal, where sudo answers as it will answer a run.
    killDescendants: true,
    // Other languages would change the words that stand in `seen`.
    env: { LC_ALL: 'C' },
  });
  const complaint = result.stderr.trim().split('\n')[0] || result.shortMessage || '';
  return {
    found: result.code !== 'ENOENT',
    exitCode: result.exitCode,
    stdout: result.stdout,
    complaint,
  };
}

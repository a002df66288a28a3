/** Exit codes of every command. Where several apply, `exitPriority` decides. */
export const exitCode = {
  pass: 0,
  regressed: 1,
  usage: 2,
  invalidData: 3,
  infrastructure: 4,
  missingCapability: 5,
  undecided: 6,
  interrupted: 130,
  terminated: 143,
} as const;

export type ExitCode = (typeof exitCode)[keyof typeof exitCode];

/** Worst first: an interrupted run is interrupted whatever else it found. */
const exitPriority: readonly ExitCode[] = [130, 143, 2, 4, 3, 5, 1, 6, 0];

/** The code to exit with when all of `codes` apply; 0 for none. */
export function worstExit(codes: Iterable<ExitCode>): ExitCode {
  const seen = new Set(codes);
  return exitPriority.find((code) => seen.has(code)) ?? exitCode.pass;
}

/**
 * A failure that the user can act on: what was seen and expected, and the one command or change
 * that mends it. Printed without a stack trace; anything else that is thrown is a bug of ours.
 */
export class PollgateError extends Error {
  override readonly name = 'PollgateError';
  readonly exitCode: ExitCode;
  readonly remedy: string;

  constructor(message: string, options: { exitCode: ExitCode; remedy: string; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.exitCode = options.exitCode;
    this.remedy = options.remedy;
  }
}

export function usageError(message: string, remedy: string): PollgateError {
  return new PollgateError(message, { exitCode: exitCode.usage, remedy });
}

export function infrastructureError(
  message: string,
  remedy: string,
  cause?: unknown,
): PollgateError {
  return new PollgateError(message, { exitCode: exitCode.infrastructure, remedy, cause });
}

export function invalidDataError(message: string, remedy: string): PollgateError {
  return new PollgateError(message, { exitCode: exitCode.invalidData, remedy });
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

import { invalidDataError } from '../lib/errors.ts';
import type { Service } from './oracle.ts';

/** One request as the truth server saw it (go-fixtures/cmd/truthd); CLOCK_MONOTONIC in ns. */
export interface TruthEntry extends Service {
  beganNs: number;
}

const header = 'connection,beganNs,wroteNs,freedNs';

/** Reads the log that truthd writes at its end: requests in the order in which it served them. */
export function parseTruthLog(text: string): TruthEntry[] {
  const [first, ...lines] = text.trimEnd().split('\n');
  if (first !== header) {
    const seen = JSON.stringify(first?.slice(0, 80) ?? '');
    throw invalidDataError(
      `The log of truthd begins with ${seen}, expected ${header}.`,
      'npm run bench:load builds truthd anew',
    );
  }
  return lines.map((line) => {
    const [, beganNs = Number.NaN, wroteNs = Number.NaN, freedNs = Number.NaN] = line
      .split(',')
      .map(Number);
    return { beganNs, replyNs: wroteNs - beganNs, busyNs: freedNs - beganNs };
  });
}

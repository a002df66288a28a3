import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { messageOf } from '../lib/errors.ts';
import { type Recording, type Scenario, settleMs } from './scenario.ts';

/** As in go-fixtures/internal/loadgen/schedule. */
const maxRequests = 10_000_000;
const lineForm = '"atNs", one request a line, not falling; "#" begins a comment';

/**
 * Reads the recording that a scenario replays, if it does. Arms and keys, which the generator would
 * take too, are refused: an arm's number is another variant's in every other round.
 */
export async function readRecording(
  scenarioPath: string,
  { load, rounds, quick }: Scenario,
): Promise<{ recording?: Recording; problems: string[] }> {
  if (load.arrivals?.kind !== 'replay') {
    return { problems: [] };
  }
  const path = resolve(dirname(scenarioPath), load.arrivals.file);
  const at = `/load/arrivals/file: ${JSON.stringify(load.arrivals.file)} seen`;
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    return { problems: [`${at}, expected a file that can be read: ${messageOf(error)}`] };
  }
  const windows = [rounds, quick].flatMap((w) => [w.warmupMs, w.unobservedMs, w.observedMs]);
  const shortestMs = Math.min(settleMs, ...windows.filter((ms) => ms > 0));
  const sha256 = createHash('sha256').update(text).digest('hex');
  const problem = lineError(text, shortestMs);
  return problem === undefined
    ? { recording: { path, sha256 }, problems: [] }
    : { problems: [`${at}, ${problem}`] };
}

/** The first thing wrong with a recording. */
function lineError(text: string, shortestMs: number): string | undefined {
  let [first, last, count] = [-1, 0, 0];
  for (const [index, line] of text.split('\n').entries()) {
    const request = line.replace(/#.*/, '').trim();
    if (request === '') {
      continue;
    }
    const atNs = /^\d+$/.test(request) ? Number(request) : Number.NaN;
    if (!Number.isSafeInteger(atNs) || atNs < last) {
      return `line ${index + 1} is ${JSON.stringify(line.slice(0, 80))}, allowed: ${lineForm}`;
    }
    first = first < 0 ? atNs : first;
    last = atNs;
    count += 1;
    if (count > maxRequests) {
      return `line ${index + 1} is one more request than the ${maxRequests} that are allowed`;
    }
  }
  if (first < 0) {
    return `it has no request, allowed: ${lineForm}`;
  }
  return first < shortestMs * 1e6
    ? undefined
    : `its first request comes ${first} ns after its beginning, allowed: less than ${shortestMs} ms, the shortest stretch of load`;
}

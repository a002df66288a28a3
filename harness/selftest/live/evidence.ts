import { join } from 'node:path';
import { rootDir } from '../../lib/paths.ts';
import { LiveDecision } from './decision.ts';
import { readJsonLines } from './json-lines.ts';
import { readRounds } from './recorded-rounds.ts';
import type { LiveEvidence } from './tables.ts';

const dir = join(rootDir, 'harness', 'selftest', 'live');

/** What live trials leave in the clone; only ever appended to. */
export const liveFiles = {
  log: join(dir, 'log.jsonl'),
  rounds: join(dir, 'rounds'),
} as const;

/** @throws PollgateError (invalid data) naming file and line of what is damaged */
export async function readLive(): Promise<LiveEvidence> {
  return {
    decisions: await readJsonLines(liveFiles.log, LiveDecision),
    recorded: await readRounds(liveFiles.rounds),
  };
}

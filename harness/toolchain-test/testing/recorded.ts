import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TurnReader, type TurnResult } from '../events.ts';

interface Cut {
  lines: readonly string[];
  killed: boolean;
}

/** Reads testdata/<name>.jsonl, or the given lines in its place. */
export async function readRecorded(name: string, cut?: Cut): Promise<TurnResult> {
  const path = join(import.meta.dirname, '..', 'testdata', `${name}.jsonl`);
  const lines = cut?.lines ?? (await readFile(path, 'utf8')).split('\n');
  const reader = new TurnReader();
  for (const line of lines) {
    reader.line(line);
  }
  return reader.result(cut?.killed ?? false);
}

import { mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Static, TSchema } from 'typebox';
import { infrastructureError, messageOf } from '../../lib/errors.ts';
import { parseJson } from '../../lib/json.ts';

const newline = 0x0a;

/**
 * Reads a file of one JSON value a line. No file has no lines.
 * @throws PollgateError (invalid data) naming the line that is torn, or is not what it should be
 */
export async function readJsonLines<T extends TSchema>(
  path: string,
  schema: T,
): Promise<Static<T>[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') {
      return [];
    }
    const what = `${path} cannot be read: ${messageOf(cause)}`;
    throw infrastructureError(what, `ls -l ${JSON.stringify(path)}`, cause);
  }
  const lines = text.split('\n');
  if (lines.at(-1) === '') {
    lines.pop();
  }
  return lines.map((line, index) =>
    parseJson(line, schema, {
      name: `${path}, line ${index + 1},`,
      remedy: `a run that was killed may have left it: look at it, then sed -i ${index + 1}d ${JSON.stringify(path)}`,
    }),
  );
}

/**
 * Appends a value as a line of its own, with one write. What a killed run left without its end is
 * closed first, so that it cannot swallow the new line.
 * @throws PollgateError (infrastructure) where it could not be written as a whole
 */
export async function appendJsonLine(path: string, value: unknown): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(path, 'a+');
    try {
      const { size } = await file.stat();
      const last = Buffer.alloc(1, newline);
      if (size > 0) {
        await file.read(last, 0, 1, size - 1);
      }
      const line = `${last[0] === newline ? '' : '\n'}${JSON.stringify(value)}\n`;
      const bytes = Buffer.from(line);
      const { bytesWritten } = await file.write(bytes);
      if (bytesWritten !== bytes.length) {
        throw new Error(`${bytesWritten} of ${bytes.length} bytes were written`);
      }
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw infrastructureError(
      `${path} could not be written: ${messageOf(cause)}`,
      `free space and check permissions: df -h ${JSON.stringify(dirname(path))}`,
      cause,
    );
  }
}

import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Type from 'typebox';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { appendJsonLine, readJsonLines } from './json-lines.ts';

const Line = Type.Object({ n: Type.Integer() }, { additionalProperties: false });

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pollgate-lines-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

test('lines come back in their order, each one whole', async () => {
  const path = join(dir, 'new', 'log.jsonl');
  expect(await readJsonLines(path, Line)).toEqual([]);
  for (const n of [1, 2, 3]) {
    await appendJsonLine(path, { n });
  }
  expect(await readJsonLines(path, Line)).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
  expect(await readFile(path, 'utf8')).toBe('{"n":1}\n{"n":2}\n{"n":3}\n');
});

test('writers at the same time do not tear each other’s lines', async () => {
  const path = join(dir, 'many.jsonl');
  await Promise.all(Array.from({ length: 50 }, (_, n) => appendJsonLine(path, { n })));
  const seen = (await readJsonLines(path, Line)).map(({ n }) => n).sort((a, b) => a - b);
  expect(seen).toEqual(Array.from({ length: 50 }, (_, n) => n));
});

test('what a killed run left is not glued to the next line, and is named', async () => {
  const path = join(dir, 'torn.jsonl');
  await appendJsonLine(path, { n: 1 });
  await appendFile(path, '{"n":');
  await appendJsonLine(path, { n: 3 });
  expect((await readFile(path, 'utf8')).split('\n')).toEqual(['{"n":1}', '{"n":', '{"n":3}', '']);
  await expect(readJsonLines(path, Line)).rejects.toMatchObject({
    exitCode: 3,
    message: expect.stringContaining(`${path}, line 2, is not JSON`),
    remedy: expect.stringContaining('sed -i 2d'),
  });
});

test('a whole last line without its newline is a line, and stays one', async () => {
  const path = join(dir, 'open.jsonl');
  await writeFile(path, '{"n":1}');
  expect(await readJsonLines(path, Line)).toEqual([{ n: 1 }]);
  await appendJsonLine(path, { n: 2 });
  expect(await readJsonLines(path, Line)).toEqual([{ n: 1 }, { n: 2 }]);
});

test.for([
  ['a torn last line', '{"n":1}\n{"n":2', 2],
  ['an empty line', '{"n":1}\n\n{"n":2}\n', 2],
  ['another thing', '{"n":1}\n{"n":2}\n{"m":2}\n', 3],
] as const)('%s is an error with its number', async ([, text, line]) => {
  const path = join(dir, 'wrong.jsonl');
  await writeFile(path, text);
  await expect(readJsonLines(path, Line)).rejects.toThrow(`line ${line},`);
});

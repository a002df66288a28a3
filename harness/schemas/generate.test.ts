import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { generateSchemas, staleSchemas } from './generate.ts';

test('the committed schemas are what the sources say', async () => {
  expect(await staleSchemas(), 'mend it with: npm run gen').toEqual([]);
});

test('a schema that is missing or differs by a byte is stale', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'pollgate-schemas-'));
  try {
    for (const [name, content] of generateSchemas()) {
      await writeFile(join(dir, name), name.startsWith('run') ? `${content} ` : content);
    }
    expect(await staleSchemas(dir)).toEqual(['run.schema.json']);
    await rm(join(dir, 'report.schema.json'));
    expect(await staleSchemas(dir)).toEqual(['run.schema.json', 'report.schema.json']);
  } finally {
    await rm(dir, { recursive: true });
  }
});

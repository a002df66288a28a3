import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { rootDir } from '../lib/paths.ts';
import { failure } from './install.ts';
import { runPlaces, withoutPlaces } from './places.ts';
import { lastWords } from './run-tool.ts';

const home = process.env['HOME'] ?? homedir();

test('neither folder, home nor address stays', () => {
  const places = runPlaces('/elsewhere/run/jobs');
  const said = `open /elsewhere/run/jobs/1/x in /elsewhere/run: ${rootDir}/a, ${home}/b, "https://me:secret@proxy.corp/x": refused`;
  expect(withoutPlaces(said, places)).toBe('open 1/x in .: a, ~/b, "(address) refused');
});

test('what an installer says last, cleaned before it is cut', () => {
  const long = `https://me:secret@proxy.corp/${'x'.repeat(300)}`;
  const said = failure(`first\n  ${home}/go: ${long} 403\ngo: downloading x v1\n`, undefined);
  expect(said).toBe('~/go: (address) 403');
  expect(failure('', undefined)).toBe('no output');
});

test('the last words of a generator, cleaned', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'pollgate-places-'));
  try {
    await writeFile(join(dir, 'stderr.txt'), `begin\n${dir}/job.js: http://h:1/ at ${home}/k6\n`);
    expect(await lastWords({ dir })).toBe('job.js: (address) at ~/k6');
  } finally {
    await rm(dir, { recursive: true });
  }
});

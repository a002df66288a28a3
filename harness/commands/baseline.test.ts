import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test as plain, vi } from 'vitest';
import { baselinePath, readBaseline } from '../compare/baseline-file.ts';
import { temporaryDir } from '../host/testing/temporary-dir.ts';
import { recordedRun } from '../test/recorded.ts';
import { acceptCommand } from './baseline.ts';

const test = plain.extend<{ dir: string }>({ dir: temporaryDir });

/** Copies of a recorded run under ids of their own: all that tells runs apart here. */
async function recordRuns(dir: string, count: number): Promise<{ suite: string; ids: string[] }> {
  const record = JSON.parse(await readFile(join(recordedRun, 'run.json'), 'utf8'));
  const ids: string[] = [];
  for (let index = 1; index <= count; index++) {
    const id = `2026112${index}T000000Z-${record.suite}`;
    await cp(recordedRun, join(dir, id), { recursive: true });
    const changed = {
      ...record,
      ...{ runId: id, dirty: false, startedAt: `2026-11-2${index}T00:00:00.000Z` },
    };
    await writeFile(join(dir, id, 'run.json'), JSON.stringify(changed));
    ids.push(id);
  }
  return { suite: record.suite, ids };
}

test('three runs make a baseline that says where it comes from, and again the same', async ({
  dir,
}) => {
  vi.spyOn(console, 'log').mockImplementation(() => undefined);
  const { suite, ids } = await recordRuns(dir, 3);
  const newestFirst = ids.toReversed();
  expect(await acceptCommand(suite, { reports: dir, baselines: join(dir, 'one') })).toBe(0);
  const record = JSON.parse(await readFile(join(dir, ids[0] ?? '', 'run.json'), 'utf8'));
  const path = baselinePath(join(dir, 'one'), suite, record.plans[0].id);
  const baseline = await readBaseline(path);
  expect(baseline?.runs).toEqual(newestFirst);
  expect(baseline?.provenance).toEqual({
    command: `npm run baseline -- accept ${suite} --runs=${newestFirst.join(',')}`,
    from: '2026-11-21T00:00:00.000Z',
    to: '2026-11-23T00:00:00.000Z',
    versions: [record.version],
    rounds: ids.map(() => record.plans[0].rounds.length),
    hostSha256: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  const again = { reports: dir, baselines: join(dir, 'two'), runs: newestFirst };
  await acceptCommand(suite, again);
  const copy = baselinePath(join(dir, 'two'), suite, record.plans[0].id);
  expect(await readFile(copy, 'utf8')).toBe(await readFile(path, 'utf8'));
  // Twelve derivations of a whole run, with their bootstraps.
}, 60_000);

test('two runs are too few, also where one is named twice or in two ways; nothing is written', async ({
  dir,
}) => {
  vi.spyOn(console, 'log').mockImplementation(() => undefined);
  const { suite, ids } = await recordRuns(dir, 2);
  const baselines = join(dir, 'baselines');
  for (const runs of [undefined, [...ids, ...ids], [...ids, ...ids.map((id) => `./${id}/`)]]) {
    const options = { reports: dir, baselines, ...(runs && { runs }) };
    await expect(acceptCommand(suite, options)).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringMatching(/^2 fitting runs of .* takes 3 of one revision/),
      remedy: expect.stringContaining('1 more'),
    });
  }
  await expect(readFile(join(baselines, suite))).rejects.toThrow();
});

test('a named run that is degraded is refused, and none at all has its own message', async ({
  dir,
}) => {
  const { suite, ids } = await recordRuns(dir, 1);
  const file = join(dir, ids[0] ?? '', 'run.json');
  const record = JSON.parse(await readFile(file, 'utf8'));
  record.lost = [{ capability: 'ebpf', what: 'system calls', reason: 'EPERM', remedy: 'sudo' }];
  await writeFile(file, JSON.stringify(record));
  const options = { reports: dir, baselines: join(dir, 'baselines') };
  await expect(acceptCommand(suite, { ...options, runs: ids })).rejects.toThrow(
    /cannot become a baseline: it is degraded: no system calls/,
  );
  await expect(acceptCommand('none_such', options)).rejects.toThrow(
    /^No run of none_such can become a baseline/,
  );
});

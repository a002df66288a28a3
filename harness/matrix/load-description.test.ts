import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { scenariosDir } from '../lib/paths.ts';
import { isMatrixSuite, listMatrixSuites, listSuites } from '../scenario/load.ts';
import { listFixtures } from '../scenario/meaning.ts';
import type { MatrixDescription } from './description.ts';
import { faults, loadMatrices } from './load-description.ts';

const dir = await mkdtemp(join(tmpdir(), 'pollgate-matrix-'));
afterAll(() => rm(dir, { recursive: true, force: true }));
const fixtures = await listFixtures();
const committed = await loadMatrices('io_uring_matrix');
const first = committed[0]?.description;

function faultsOf(change: (matrix: MatrixDescription) => void): string[] {
  const matrix = structuredClone(first) as MatrixDescription;
  change(matrix);
  return [...faults(matrix, fixtures)];
}

test('a folder of a matrix is no suite of scenarios', async () => {
  expect(await listMatrixSuites()).toEqual(['io_uring_matrix']);
  expect(await listSuites()).not.toContain('io_uring_matrix');
  expect(await isMatrixSuite('io_uring')).toBe(false);
  expect(await isMatrixSuite('nowhere')).toBe(false);
});

test('the committed matrices are valid', () => {
  expect(committed.map(({ id }) => id)).toEqual(['block-4k', 'hello-http']);
  for (const { description } of committed) {
    expect([...faults(description, fixtures)]).toEqual([]);
  }
});

test('names that refer to nothing, and an A/A that is none, are found', () => {
  expect(faultsOf(() => {})).toEqual([]);
  const wrong = [
    faultsOf((m) => Object.assign(m, { reference: 'nobody' })),
    faultsOf((m) => Object.assign(m.servers[m.control] ?? {}, { args: ['--cache=direct'] })),
    faultsOf((m) => Object.assign(m, { control: m.reference })),
    faultsOf((m) => Object.assign(m.servers[m.reference] ?? {}, { fixture: 'nothing' })),
    faultsOf((m) => Object.assign(m.servers[m.reference] ?? {}, { args: ['--listen=:1'] })),
    faultsOf((m) => Object.assign(m.pairs['experiment'] ?? {}, { of: 'nobody' })),
    faultsOf((m) => Object.assign(m.claims['qps'] ?? {}, { of: 'epoll' })),
    faultsOf((m) => Reflect.deleteProperty(m.conditions['hot'] ?? {}, 'pages')),
  ];
  expect(wrong.filter((lines) => lines.length === 0)).toEqual([]);
  expect(wrong[1]).toEqual([expect.stringContaining('/control: "epoll-again" seen')]);
});

test('a user’s matrix: errors name file, place, what was seen and what is allowed', async () => {
  await mkdir(join(dir, 'own'));
  const text = await readFile(
    join(scenariosDir, 'io_uring_matrix', 'block-4k.matrix.json'),
    'utf8',
  );
  const broken = { ...JSON.parse(text), connections: [64, 99_999] };
  await writeFile(join(dir, 'own', 'mine.matrix.json'), JSON.stringify(broken));
  await expect(loadMatrices('own', { dir })).rejects.toMatchObject({
    exitCode: 2,
    message: expect.stringMatching(
      /mine\.matrix\.json is not valid:\n {2}\/connections\/1: 99999 seen/,
    ),
  });
  await expect(loadMatrices('own', { dir, only: 'other' })).rejects.toThrow(
    '--only: "other" seen, allowed: mine.',
  );
});

import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { Ajv } from 'ajv';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PollgateError } from '../lib/errors.ts';
import { rootDir } from '../lib/paths.ts';
import { makeScenario } from '../test/evidence.ts';
import { listSuites, loadScenario, loadSuite } from './load.ts';

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pollgate-scenarios-'));
  await mkdir(join(dir, 'suite'));
  await mkdir(join(dir, 'empty'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

type Json = Record<string, unknown>;

/** Writes a valid scenario after a change to it and loads it; returns what was thrown. */
async function errorOf(change: (scenario: Json) => void, name = 'broken.json'): Promise<string> {
  const scenario = structuredClone(makeScenario()) as unknown as Json;
  change(scenario);
  return textError(JSON.stringify(scenario), name);
}

async function textError(text: string, name = 'broken.json'): Promise<string> {
  const path = join(dir, 'suite', name);
  await writeFile(path, text);
  const error = await loadScenario(path, 'suite').then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof PollgateError)) {
    throw new Error(`no PollgateError but ${error}`);
  }
  expect(error.exitCode).toBe(2);
  expect(error.remedy).not.toBe('');
  expect(error.message).toContain(name);
  return error.message.slice(error.message.indexOf(name) + name.length + 1);
}

const load = (scenario: Json) => scenario['load'] as Json;
const variant = (scenario: Json) => (scenario['variants'] as Record<string, Json>)['epoll'] as Json;

test('a value that is not allowed: place, value seen, values allowed', async () => {
  expect(await errorOf((s) => (load(s)['interleave'] = 'random'))).toMatchInlineSnapshot(`
    "is not valid:
      /load/interleave: "random" seen, allowed: "slice", "request""
  `);
  expect(await errorOf((s) => (variant(s)['netpoller'] = 'kqueue'))).toMatchInlineSnapshot(`
    "is not valid:
      /variants/epoll/netpoller: "kqueue" seen, allowed: "epoll", "io_uring""
  `);
  expect(await errorOf((s) => (load(s)['ratePerSec'] = 0))).toMatchInlineSnapshot(`
    "is not valid:
      /load/ratePerSec: 0 seen, must be > 0"
  `);
  expect(await errorOf((s) => (load(s)['path'] = 'index'))).toMatchInlineSnapshot(`
    "is not valid:
      /load/path: "index" seen, must match ^/"
  `);
});

test('a setting that is missing or unknown is named, with the ones there are', async () => {
  expect(await errorOf((s) => delete s['reference'])).toMatchInlineSnapshot(`
    "is not valid:
      /: setting "reference" is missing"
  `);
  expect(await errorOf((s) => ((s['rounds'] as Json)['durationMs'] = 5))).toMatchInlineSnapshot(`
    "is not valid:
      /rounds: unknown setting "durationMs", allowed: count, warmupMs, unobservedMs, observedMs"
  `);
  expect(await errorOf((s) => (s['$comment'] = ''))).toContain('unknown setting "$comment"');
});

test('a metric or variant that does not exist: the ones there are', async () => {
  expect(await errorOf((s) => (s['reference'] = 'kqueue'))).toMatchInlineSnapshot(`
    "is not valid:
      /reference: "kqueue" seen, allowed: epoll, io_uring"
  `);
  const gate = await errorOf((s) => ((s['gates'] as Json)['latency-p95'] = { maxNs: 1 }));
  expect(gate).toMatch(/^is not valid:\n {2}\/gates: "latency-p95" seen, allowed: latency-p50, /);
  expect(await errorOf((s) => (s['expect'] = { slow: [] }))).toContain(
    '/expect: "slow" seen, allowed: epoll, io_uring',
  );
  expect(await errorOf((s) => (s['expect'] = { epoll: ['deadlock'] }))).toContain(
    '/expect/epoll: "deadlock" seen, allowed: fd-leak',
  );
});

test('a variant that "expect" leaves out would leak unseen', async () => {
  expect(await errorOf((s) => (s['expect'] = { epoll: [] }))).toContain(
    '/expect: "io_uring" is missing; [] says that nothing may be found in it',
  );
});

test('names of JavaScript’s own objects are no metrics', async () => {
  for (const id of ['constructor', 'toString', '__proto__']) {
    const text = JSON.stringify(makeScenario()).replace('"latency-p50"', JSON.stringify(id));
    expect(await textError(text)).toContain(`/gates: ${JSON.stringify(id)} seen, allowed: `);
  }
});

test('a budget in the wrong unit: the one that the metric has', async () => {
  const gates = { 'latency-p50': { maxCount: 5 }, 'throughput-closed-loop': { maxNs: 5 } };
  expect(await errorOf((s) => (s['gates'] = gates))).toMatchInlineSnapshot(`
    "is not valid:
      /gates/latency-p50/maxCount: the metric is in ns and lower is better, allowed: maxNs
      /gates/throughput-closed-loop/maxNs: the metric is in perSec and higher is better, allowed: minPerSec"
  `);
});

test('a closed loop needs HTTP', async () => {
  const error = await errorOf((s) => {
    const { method: _m, path: _p, expectStatus: _e, ...rest } = load(s);
    s['load'] = { ...rest, protocol: 'block-4k', pages: 16 };
    s['closedLoop'] = { connections: 1, durationMs: 1000 };
  });
  expect(error).toBe('is not valid:\n  /closedLoop: needs "protocol": "http1", seen "block-4k"');
});

test('of a union only the branch that was meant is spoken of', async () => {
  const error = await errorOf((s) => {
    variant(s)['args'] = [1];
    load(s)['expectStatus'] = 'OK';
  });
  expect(error).toMatchInlineSnapshot(`
    "is not valid:
      /variants/epoll/args/0: 1 seen, must be string
      /load/expectStatus: "OK" seen, must be integer"
  `);
});

test('text that is not JSON, a file that is not there and a name that is not safe', async () => {
  expect(await textError('{')).toMatch(/^is not JSON: /);
  expect(await textError('')).toMatch(/^is not JSON: /);
  expect(await textError('\uFEFF{}')).toMatch(/^is not JSON: /);
  expect(await errorOf(() => {}, 'Hello HTTP.json')).toContain(
    'the file name "Hello HTTP" must match',
  );
  await expect(loadScenario(join(dir, 'suite', 'none.json'), 'suite')).rejects.toThrow(
    /none\.json cannot be read: ENOENT/,
  );
});

test('an unknown suite names the ones there are; one without scenarios says so', async () => {
  await expect(loadSuite('nope', dir)).rejects.toMatchObject({
    message: 'There is no suite "nope"; there are: empty, suite.',
    exitCode: 2,
  });
  await expect(loadSuite('../suite', dir)).rejects.toThrow('There is no suite "../suite"');
  await expect(loadSuite('empty', dir)).rejects.toThrow('The suite empty has no scenario.');
});

test('scenarios come in the order of their names, with where they lie', async () => {
  const suite = join(dir, 'ordered');
  await mkdir(suite);
  for (const name of ['b', 'a', 'c']) {
    await writeFile(join(suite, `${name}.json`), JSON.stringify(makeScenario()));
  }
  await writeFile(join(suite, 'README.md'), 'no scenario');
  const loaded = await loadSuite('ordered', dir);
  expect(loaded.map(({ id, suite: of }) => [id, of])).toEqual([
    ['a', 'ordered'],
    ['b', 'ordered'],
    ['c', 'ordered'],
  ]);
  expect(loaded[0]?.path).toBe(join(suite, 'a.json'));
  expect(loaded[0]?.scenario).toEqual(makeScenario());
});

const suites = await listSuites();
const committed = (await Promise.all(suites.map((suite) => loadSuite(suite)))).flat();

test('the suites of the project are there', () => {
  expect(suites).toEqual(expect.arrayContaining(['fd_leak', 'io_uring']));
});

test.for(committed.map((each) => [each.path.slice(rootDir.length + 1), each] as const))(
  '%s is valid by the schema that it names for editors',
  async ([, { path, scenario }]) => {
    const schemaPath = resolve(dirname(path), scenario.$schema ?? 'none');
    expect(schemaPath).toBe(join(rootDir, 'harness', 'schemas', 'scenario.schema.json'));
    const schema = JSON.parse(await readFile(schemaPath, 'utf8')) as object;
    const validate = new Ajv({ allErrors: true, strict: false }).compile(schema);
    validate(JSON.parse(await readFile(path, 'utf8')));
    expect(validate.errors ?? []).toEqual([]);
  },
);

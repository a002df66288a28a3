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
      /load/interleave: "random" seen, allowed: "slice", "request", "run""
  `);
  expect(await errorOf((s) => (variant(s)['netpoller'] = 'kqueue'))).toMatchInlineSnapshot(`
    "is not valid:
      /variants/epoll/netpoller: "kqueue" seen, allowed: "epoll", "io_uring""
  `);
  expect(await errorOf((s) => (load(s)['ratePerSec'] = 0))).toMatchInlineSnapshot(`
    "is not valid:
      /load/ratePerSec: 0 seen, must be >= 1"
  `);
  expect(await errorOf((s) => (load(s)['path'] = 'index'))).toMatchInlineSnapshot(`
    "is not valid:
      /load/path: "index" seen, must match ^/[!-~]*$"
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
  const gates = { 'latency-p50': { maxCount: 5 }, 'reads-per-request': { maxNs: 5 } };
  expect(await errorOf((s) => (s['gates'] = gates))).toMatchInlineSnapshot(`
    "is not valid:
      /gates/latency-p50/maxCount: the metric is in ns and lower is better, allowed: maxNs
      /gates/reads-per-request/maxNs: the metric is in count and lower is better, allowed: maxCount"
  `);
});

test('levels and overrides of a budget: what is wrong with them', async () => {
  const gated = (maxNs: unknown) => errorOf((s) => (s['gates'] = { 'latency-p50': { maxNs } }));
  expect(await gated({})).toContain('/gates/latency-p50/maxNs: ');
  expect(await gated({ warn: 5, max: 6 })).toContain('unknown setting "max", allowed: warn, fail');
  expect(await gated({ warn: 6, fail: 5 })).toContain('/gates/latency-p50: "warn": 6 seen');
  const base = { branch: 'topic', metric: 'latency-p50', fail: 5, expires: '2026-12-01' };
  const overridden = (changes: Json) =>
    errorOf((s) => (s['budgetOverrides'] = [{ ...base, ...changes }]));
  expect(await overridden({})).toContain('/budgetOverrides/0: setting "reason" is missing');
  expect(await overridden({ reason: 'flaky' })).toContain(
    '/budgetOverrides/0/reason: "flaky" seen',
  );
  const reason = 'the pool is being rewritten';
  expect(await overridden({ reason, expires: 'soon' })).toContain('/budgetOverrides/0/expires: ');
  expect(await overridden({ reason, metric: 'p50' })).toContain(
    '/budgetOverrides/0/metric: "p50" seen, allowed: latency-p50',
  );
});

test.for([{ regressionLimitPercent: 5 }, { maxNs: 5 }])(
  'the closed loop cannot be gated: %o',
  async (gate) => {
    expect(await errorOf((s) => (s['gates'] = { 'throughput-closed-loop': gate }))).toBe(
      'is not valid:\n  /gates/throughput-closed-loop: it is one value without an interval and cannot be gated',
    );
  },
);

test('a scenario that judges nothing is refused', async () => {
  const error = await errorOf((s) => {
    s['gates'] = {};
    delete s['expect'];
  });
  expect(error).toContain('/gates: {} seen and no "expect": nothing would be judged');
});

test.for<[name: string, change: (scenario: Json) => void, problem: string]>([
  ['method', (s) => (load(s)['method'] = 'TRACE'), '/load/method: "TRACE" seen, allowed: "GET", '],
  [
    'a body with GET',
    (s) => (load(s)['body'] = ''),
    '/load/body: seen with GET, allowed with: POST',
  ],
  [
    'a long body',
    (s) => Object.assign(load(s), { method: 'PUT', body: 'ä'.repeat(524_289) }),
    '/load/body: 1048578 bytes seen, allowed: up to 1048576',
  ],
  [
    'turns of one variant',
    (s) => {
      load(s)['interleave'] = 'run';
      s['variants'] = { epoll: variant(s) };
    },
    '/load/interleave: "run" seen with one variant, allowed: "slice", "request"',
  ],
  ['no rate', (s) => delete load(s)['ratePerSec'], '/load: setting "ratePerSec" is missing'],
  [
    'a kind of arrivals',
    (s) => (load(s)['arrivals'] = { kind: 'uniform' }),
    '/load/arrivals/kind: "uniform" seen, allowed: ',
  ],
  [
    'stretches of no length',
    (s) => (load(s)['arrivals'] = { kind: 'on-off', onMs: 0, offMs: 10 }),
    '/load/arrivals/onMs: 0 seen, must be >= 1',
  ],
  [
    'requests of a ramp',
    (s) => {
      load(s)['arrivals'] = { kind: 'ramp', toRatePerSec: 1_000_000 };
      (s['quick'] as Json)['observedMs'] = 20_000;
    },
    '/quick/observedMs: 20000 seen, 10060000 requests at 503000/s, allowed: 10000000 requests',
  ],
  ['path with a space', (s) => (load(s)['path'] = '/a b'), '/load/path: "/a b" seen, must match'],
  ['line end', (s) => (load(s)['path'] = '/a\r\nX: y'), '/load/path: "/a\\r\\nX: y" seen'],
  [
    'status',
    (s) => (load(s)['expectStatus'] = 199),
    '/load/expectStatus: 199 seen, must be >= 200',
  ],
  ['rate', (s) => (load(s)['ratePerSec'] = 0.5), '/load/ratePerSec: 0.5 seen, must be >= 1'],
  ['header name', (s) => (load(s)['headers'] = { 'a b': '' }), '/load/headers: "a b" seen'],
  ['no header name', (s) => (load(s)['headers'] = { '': '' }), '/load/headers: "" seen'],
  ['header value', (s) => (load(s)['headers'] = { a: 'x\ny' }), '/load/headers/a: "x\\ny" seen'],
  ...[
    'Connection',
    'content-length',
    'Transfer-Encoding',
    'EXPECT',
    'Upgrade',
    'Pollgate-Stamps',
  ].map((name): [string, (scenario: Json) => void, string] => [
    name,
    (s) => (load(s)['headers'] = { [name]: 'x' }),
    `/load/headers: "${name}" seen; the generator frames its requests`,
  ]),
  [
    'requests of a phase',
    (s) => {
      load(s)['ratePerSec'] = 1_000_000;
      (s['quick'] as Json)['observedMs'] = 10_001;
    },
    '/quick/observedMs: 10001 seen, 10001000 requests at 1000000/s, allowed: 10000000 requests',
  ],
  [
    'nine variants',
    (s) =>
      (s['variants'] = Object.fromEntries(
        Array.from({ length: 9 }, (_, index) => [`v${index}`, variant(s)]),
      )),
    'must NOT have more than 8 properties',
  ],
  [
    'a tool is no fixture',
    (s) => (variant(s)['fixture'] = 'loadgen'),
    '/variants/epoll/fixture: "loadgen" seen, allowed: block-4k, block-4k-epoll, block-4k-ring, faulty, fd-leak, hello-http',
  ],
  ...['--listen=:1', '-pprof', '--nonce=x', '-data=/etc/passwd'].map(
    (arg): [string, (scenario: Json) => void, string] => [
      arg,
      (s) => (variant(s)['args'] = ['--leak-every=0', arg]),
      `/variants/epoll/args/1: "${arg}" seen; --listen, --pprof, --nonce and --data are set by`,
    ],
  ),
  [
    'a flag as package',
    (s) => {
      const found = { moduleDir: '.', path: '-toolexec=x' };
      s['variants'] = { epoll: { package: found, ready: { timeoutMs: 1 } } };
    },
    '/variants/epoll/package/path: "-toolexec=x" seen, must match ^[^-]',
  ],
])('what a generator, collector or fixture would refuse later: %s', async ([, change, problem]) => {
  expect(await errorOf(change)).toContain(problem);
});

test('a Host header and an ordinary argument are allowed', async () => {
  const scenario = structuredClone(makeScenario()) as unknown as Json;
  load(scenario)['headers'] = { Host: 'example.com', 'X-A': '\t~' };
  variant(scenario)['args'] = ['--database=x', 'listen'];
  const path = join(dir, 'suite', 'allowed.json');
  await writeFile(path, JSON.stringify(scenario));
  await expect(loadScenario(path, 'suite')).resolves.toMatchObject({ scenario });
});

test('a body goes with POST', async () => {
  const scenario = structuredClone(makeScenario()) as unknown as Json;
  Object.assign(load(scenario), { method: 'POST', body: '{"id":1}' });
  const path = join(dir, 'suite', 'posted.json');
  await writeFile(path, JSON.stringify(scenario));
  await expect(loadScenario(path, 'suite')).resolves.toMatchObject({ scenario });
});

/** A scenario that replays a recording of this text, which lies beside it. */
async function replaying(text: string, change: (scenario: Json) => void = () => {}) {
  const scenario = structuredClone(makeScenario()) as unknown as Json;
  load(scenario)['arrivals'] = { kind: 'replay', file: '../recorded.txt' };
  delete load(scenario)['ratePerSec'];
  change(scenario);
  await writeFile(join(dir, 'recorded.txt'), text);
  const path = join(dir, 'suite', 'replay.json');
  await writeFile(path, JSON.stringify(scenario));
  return loadScenario(path, 'suite');
}

test('a recording is found from the scenario’s folder and known by its content', async () => {
  const { recording } = await replaying('# two\n0\n1000000 # the second\n\n1000000\n');
  expect(recording?.path).toBe(join(dir, 'recorded.txt'));
  expect(recording?.sha256).toMatch(/^[0-9a-f]{64}$/);
  const again = await replaying('0\n');
  expect(again.recording?.sha256).not.toBe(recording?.sha256);
});

test.for<[what: string, text: string, problem: RegExp]>([
  ['letters', '0\nsoon\n', /recorded.txt" seen, line 2 is "soon", allowed: "atNs", one request/],
  ['an arm', '0 1\n', /line 1 is "0 1", allowed/],
  ['times that fall', '5\n4\n', /line 2 is "4", allowed/],
  ['more than JavaScript can count', '9007199254740993\n', /line 1 is/],
  ['nothing', '# later\n', /it has no request/],
  ['nothing in time', '300000000\n', /its first request comes 300000000 ns .* less than 300 ms/],
])('a recording with %s is refused', async ([, text, problem]) => {
  await expect(replaying(text)).rejects.toMatchObject({
    exitCode: 2,
    message: expect.stringMatching(problem),
  });
});

test('a recording has its own rate, and must be there', async () => {
  const rate = replaying('0\n', (s) => (load(s)['ratePerSec'] = 10));
  await expect(rate).rejects.toThrow('/load/ratePerSec: 10 seen, allowed: none');
  const missing = replaying('0\n', (s) => {
    (load(s)['arrivals'] as Json)['file'] = 'none.txt';
  });
  await expect(missing).rejects.toThrow(
    /"none.txt" seen, expected a file that can be read: ENOENT/,
  );
});

test('a variant may have the name of what every object has', async () => {
  const error = await errorOf((s) => {
    s['variants'] = { epoll: variant(s), constructor: variant(s) };
    s['reference'] = 'epoll';
    s['expect'] = { epoll: [] };
  });
  expect(error).toBe(
    'is not valid:\n  /expect: "constructor" is missing; [] says that nothing may be found in it',
  );
});

test('a module must have a go.mod', async () => {
  const suite = join(dir, 'module');
  await mkdir(join(suite, 'app'), { recursive: true });
  const scenario = structuredClone(makeScenario()) as unknown as Json;
  const found = { package: { moduleDir: 'app', path: '.' }, ready: { timeoutMs: 1 } };
  scenario['variants'] = { mine: found };
  scenario['reference'] = 'mine';
  delete scenario['expect'];
  await writeFile(join(suite, 'own.json'), JSON.stringify(scenario));
  await expect(loadSuite('module', dir)).rejects.toMatchObject({
    exitCode: 2,
    message: expect.stringMatching(
      /own\.json is not valid:\n {2}\/variants\/mine\/package\/moduleDir: "app" seen, expected a folder with a go\.mod/,
    ),
  });
  await writeFile(join(suite, 'app', 'go.mod'), 'module example.com/app\n');
  await expect(loadSuite('module', dir)).resolves.toHaveLength(1);
  await rm(suite, { recursive: true });
});

test.for(['none', 'file'])('scenarios that are no folder: %s', async (name) => {
  await writeFile(join(dir, 'file'), '');
  await expect(listSuites(join(dir, name))).rejects.toMatchObject({
    exitCode: 2,
    message: expect.stringContaining(join(dir, name)),
  });
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

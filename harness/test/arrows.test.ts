/**
 * Which part of the harness may know which: design.md, section 1, «a stage imports types of earlier
 * stages only». Every import of every source is held against the rules below; an exception stands
 * here with its reason, and one that is no longer used fails too.
 */
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';
import { rootDir } from '../lib/paths.ts';

/** The road of the data. */
const stages = [
  'scenario',
  'plan',
  'build',
  'run',
  'capture',
  'analyze',
  'diagnose',
  'compare',
  'gate',
  'report',
];

/** What a folder beside the road may import; the stages may import `host`, `profile`, `stats` and `lib`. */
const besides: Record<string, readonly string[]> = {
  lib: ['lib'],
  stats: ['stats', 'lib'],
  // Reads a format and names what it shows; it knows neither runs nor reports.
  profile: ['profile', 'lib'],
  // It looks at the machine; what a right Go is, only build knows.
  host: ['host', 'lib', 'build'],
  // A benchmark of load generators, ours among them; it knows nothing of runs and their verdicts.
  'load-accuracy': ['load-accuracy', 'lib', 'stats', 'host', 'build'],
  // A benchmark of what watches: it starts servers and captures as a round does, and judges none.
  'probe-cost': [
    ...['probe-cost', 'lib', 'stats', 'host', 'load-accuracy'],
    ...['scenario', 'build', 'run', 'capture'],
  ],
  // Tries the diagnosis on servers whose cause is known; it prints a table of its own.
  'diagnosis-trial': [
    ...['diagnosis-trial', 'lib', 'stats', 'host'],
    ...['scenario', 'build', 'run', 'capture', 'analyze', 'diagnose', 'report'],
  ],
  // Holds Go's own tests under the experiment against those on stock; it measures nothing.
  'toolchain-test': ['toolchain-test', 'lib', 'build'],
  // Tries the gate's decisions on simulated machines; it knows nothing of real runs.
  selftest: ['selftest', 'gate', 'scenario', 'stats', 'lib'],
  // Many servers, loads and conditions at once: it plans, runs, analyzes and renders with what the road has.
  matrix: [
    ...['matrix', 'lib', 'stats', 'host'],
    ...['scenario', 'build', 'run', 'capture', 'analyze', 'report'],
  ],
  // One file that writes the schemas of all stages.
  schemas: ['schemas', 'lib', ...stages, 'host', 'load-accuracy', 'probe-cost', 'matrix'],
};

/** Files that see everything: they put the stages together. */
const assemblers = /^(pipeline\.ts|cli\.ts|commands\/|test\/)/;

/** Imports against the road that exist today, `from → to`, and why. */
const exceptions: Record<string, string> = {
  // A round and its captures are one act: the round opens the windows, captures read in them.
  'run/observe-arms.ts → capture/diag/script.ts': 'looks at a red’s programs while the load runs',
  'run/observe-arms.ts → capture/diag/trace.ts': 'sums up the trace of that look, as diag does',
  'run/observe.ts → capture/counters.ts': 'type of the snapshots at the edges',
  'run/observe.ts → capture/netprobe.ts': 'attaches the collector around the observed window',
  'run/observe.ts → capture/pprof.ts': 'fetches profiles while the load runs',
  'run/observe.ts → capture/proc.ts': 'waits until descriptors have settled',
  'run/run-record.ts → capture/counters.ts': 'the snapshots stand in the round’s record',
  'run/run-suite.ts → capture/closed-loop.ts': 'starts the closed loops after the rounds',
  'run/snapshot.ts → capture/counters.ts': 'schema of what a fixture’s counters say',
  'run/snapshot.ts → capture/proc.ts': 'reads /proc at the edges of the windows',
};

/** npm packages that only some places may know, so that each can be replaced in one place. */
const owners: Record<string, RegExp> = {
  execa:
    /^((build|run|capture|host|lib|load-accuracy|diagnosis-trial|test)\/|commands\/.*\.test\.ts$)/,
  autocannon: /^(capture\/closed-loop|load-accuracy\/autocannon)-client\.ts$/,
  'pprof-format': /^(analyze|profile)\/(.*\.test\.ts|testing\/encode\.ts)$/,
  ajv: /^(lib\/json|scenario\/load\.test)\.ts$/,
  commander: /^cli\.ts$/,
  'simple-statistics': /^(stats|compare|gate)\//,
  'hdr-histogram-js':
    /^(pipeline|analyze\/histogram|capture\/(closed-loop-client|hlog-readers\.test)|load-accuracy\/autocannon-client|compare\/make-baseline|test\/evidence)\.ts$/,
  tinybench: /^test\/.*\.bench\.ts$/,
  vitest: /(\.test\.ts$|\/testing\/)/,
};

interface Import {
  /** Path below harness/. */
  from: string;
  /** Path below harness/, or the name of a package. */
  to: string;
  own: boolean;
}

const harness = join(rootDir, 'harness');
const sources = (await readdir(harness, { recursive: true })).filter(
  (path) => path.endsWith('.ts') && !path.endsWith('.d.ts'),
);
const imports = (await Promise.all(sources.map(importsOf))).flat();

async function importsOf(from: string): Promise<Import[]> {
  const text = await readFile(join(harness, from), 'utf8');
  return specifiers(text)
    .filter((name) => !name.startsWith('node:'))
    .map((name) => {
      const own = name.startsWith('.');
      const packageName = name.split('/').slice(0, name.startsWith('@') ? 2 : 1);
      const to = own ? normalize(join(dirname(from), name)) : packageName.join('/');
      return { from, to, own };
    });
}

/** Every module that a source names: import, export from, and import() of a literal. */
function specifiers(text: string): string[] {
  const declared = /^\s*(?:import|export)\s[^;'"`]*?from\s+'([^']+)'/gm;
  const alone = /^\s*import\s+'([^']+)'/gm;
  const dynamic = /\bimport\(\s*'([^']+)'/g;
  return [declared, alone, dynamic].flatMap((pattern) =>
    [...text.matchAll(pattern)].map(([, name = '']) => name),
  );
}

const folderOf = (path: string) => (path.includes('/') ? (path.split('/')[0] ?? '') : '');
const isTest = (path: string) => path.endsWith('.test.ts') || path.includes('/testing/');

/** Why an import within the project is against the rules; undefined when it is not. */
function objection({ from, to }: Import): string | undefined {
  const [source, target] = [folderOf(from), folderOf(to)];
  if (assemblers.test(from) || source === target) {
    return undefined;
  }
  if (isTest(from) && (to === 'test/evidence.ts' || to === 'profile/testing/encode.ts')) {
    return undefined; // The helpers that build evidence and write profiles; tests may use them.
  }
  if (isTest(from) && stages.includes(source) && stages.includes(target)) {
    return undefined; // A test may drive its stage with what comes before and look at what comes after.
  }
  if (isTest(to) || assemblers.test(to)) {
    return `${to} is not for other parts`;
  }
  const allowed = besides[source] ?? [
    'lib',
    'stats',
    'profile',
    'host',
    ...stages.slice(0, stages.indexOf(source) + 1),
  ];
  return allowed.includes(target) ? undefined : `${source} comes before ${target}`;
}

test('the scanner finds imports of every form, over several lines too', () => {
  const text = [
    "import a from 'a';",
    'import {\n  type B,\n  c,\n} from "x";'.replaceAll('"', "'"),
    "import type { D } from './d.ts';",
    "export { e } from './e.ts';",
    "import 'f';",
    "const { g } = await import('g/h');",
    "// import i from 'i';",
    'const text = `no import`;',
  ].join('\n');
  expect(specifiers(text).toSorted()).toEqual(['./d.ts', './e.ts', 'a', 'f', 'g/h', 'x']);
  expect(sources.length).toBeGreaterThan(80);
  expect(imports.length).toBeGreaterThan(300);
});

test('every folder is on the road or has rules of its own', () => {
  const known = [...stages, ...Object.keys(besides), 'commands', 'test', ''];
  expect([...new Set(sources.map(folderOf))].filter((name) => !known.includes(name))).toEqual([]);
});

test('the rules bind: what is forbidden is found', () => {
  const breaks = (from: string, to: string) => objection({ from, to, own: true });
  expect(breaks('lib/json.ts', 'host/host.ts')).toBe('lib comes before host');
  expect(breaks('stats/bootstrap.ts', 'analyze/interval.ts')).toBe('stats comes before analyze');
  expect(breaks('scenario/load.ts', 'plan/plan.ts')).toBe('scenario comes before plan');
  expect(breaks('analyze/evidence.ts', 'compare/judge.ts')).toBe('analyze comes before compare');
  expect(breaks('compare/judge.ts', 'report/report.ts')).toBe('compare comes before report');
  expect(breaks('report/assemble.ts', 'pipeline.ts')).toBe('pipeline.ts is not for other parts');
  expect(breaks('compare/judge.ts', 'test/evidence.ts')).toBe(
    'test/evidence.ts is not for other parts',
  );
  expect(breaks('compare/judge.ts', 'analyze/evidence.ts')).toBeUndefined();
  expect(breaks('pipeline.ts', 'report/report.ts')).toBeUndefined();
});

test('no stage knows a later one, but for the exceptions that are named', () => {
  const found = imports
    .filter(({ own }) => own)
    .flatMap((each) => {
      const why = objection(each);
      return why === undefined ? [] : [`${each.from} → ${each.to}: ${why}`];
    });
  const unnamed = found.filter(
    (line) => !Object.keys(exceptions).some((e) => line.startsWith(`${e}:`)),
  );
  expect(unnamed, 'move the code, or name the exception and why').toEqual([]);
  const unused = Object.keys(exceptions).filter(
    (e) => !found.some((line) => line.startsWith(`${e}:`)),
  );
  expect(unused, 'exceptions that nothing needs any more').toEqual([]);
});

test('packages are known only where they belong', () => {
  const strays = imports
    .filter(({ own, from, to }) => !own && owners[to] !== undefined && !owners[to].test(from))
    .map(({ from, to }) => `${from} → ${to}`);
  expect(strays).toEqual([]);
  const unused = Object.keys(owners).filter((name) => !imports.some(({ to }) => to === name));
  expect(unused, 'packages that nothing imports').toEqual([]);
});

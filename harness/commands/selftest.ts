import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ExitCode, exitCode, invalidDataError, usageError } from '../lib/errors.ts';
import { writeFileAtomic } from '../lib/fs.ts';
import { interruptSignal } from '../lib/interrupt.ts';
import { rootDir } from '../lib/paths.ts';
import { simulate } from '../selftest/simulate.ts';
import { renderSelftest } from '../selftest/table.ts';

export interface SelftestOptions {
  /** Of every world and change; any number given here is a look, which the page does not get. */
  decisions?: number;
  /** Leave the page alone, and fail when it does not say what was seen. */
  check: boolean;
}

const fullDecisions = 2_001;

const page = join(rootDir, 'docs', 'statistics.md');
const begin = '<!-- Between these marks: npm run selftest. -->';
const end = '<!-- End of what npm run selftest writes. -->';

/**
 * Tries the gate, and the rules of others, on simulated machines, and writes what was seen into
 * docs/statistics.md. Exit code 1 when the gate does not keep what it promises.
 */
export async function selftestCommand(options: SelftestOptions): Promise<ExitCode> {
  if (options.check && options.decisions !== undefined) {
    throw usageError(
      '--check holds the page against all decisions; --decisions asks for fewer.',
      'npm run selftest -- --check',
    );
  }
  const text = await readFile(page, 'utf8');
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) {
    throw invalidDataError(
      `${page} has no place for the tables.`,
      `put «${begin}» and «${end}» there`,
    );
  }
  const selftest = await simulate({
    decisions: options.decisions ?? fullDecisions,
    signal: interruptSignal(),
    onProgress: (done, of) => {
      if (done % 20 === 0 || done === of) {
        console.error(`selftest: ${done} of ${of} tasks`);
      }
    },
  });
  const tables = renderSelftest(selftest);
  const written = `${text.slice(0, from + begin.length)}\n\n${tables}\n\n${text.slice(to)}`;
  console.log(tables);
  if (options.decisions === undefined && written !== text) {
    if (options.check) {
      console.error(`\n${page} does not say what was seen.\n  to mend it: npm run selftest`);
      return exitCode.regressed;
    }
    await writeFileAtomic(page, written);
  }
  const missed = selftest.targets.filter(({ met }) => !met);
  for (const { name, goal, seen } of missed) {
    console.error(`not met: ${name}: ${goal}, seen ${seen}`);
  }
  return missed.length === 0 ? exitCode.pass : exitCode.regressed;
}

import { readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { type ExitCode, exitCode, invalidDataError, usageError } from '../lib/errors.ts';
import { writeFileAtomic } from '../lib/fs.ts';
import { interruptSignal } from '../lib/interrupt.ts';
import { rootDir } from '../lib/paths.ts';
import { readLive } from '../selftest/live/evidence.ts';
import type { LiveWorld } from '../selftest/live/knobs.ts';
import { renderLive } from '../selftest/live/tables.ts';
import { simulate } from '../selftest/simulate.ts';
import { renderSelftest } from '../selftest/table.ts';
import { liveSelftest } from './selftest-live.ts';

export interface SelftestOptions {
  /**
   * Of every world and change; any number given here is a look, which the page does not get. With
   * `live`, of the real gate; one where nothing is said.
   */
  decisions?: number;
  /** Leave the page alone, and fail when it does not say what was seen. */
  check: boolean;
  /** Let the real gate decide about equal code on this machine. */
  live: boolean;
  /** Of a live trial: no decision begins after so many. */
  minutes?: number;
  /** Of a live trial; quiet where nothing is said. */
  world?: LiveWorld;
  /** Of a live trial: what the head is made worse by; nothing where nothing is said. */
  knob?: string;
}

const fullDecisions = 2_001;

const page = join(rootDir, 'docs', 'statistics.md');
/** Between which marks of the page the tables stand. */
const places = {
  simulated: [
    '<!-- Between these marks: npm run selftest. -->',
    '<!-- End of what npm run selftest writes. -->',
  ],
  live: [
    '<!-- Between these marks: npm run selftest, from harness/selftest/live. -->',
    '<!-- End of what npm run selftest writes of real machines. -->',
  ],
} as const;

/**
 * Tries the gate, and the rules of others, on simulated machines, and writes what was seen into
 * docs/statistics.md, with what the log of live trials says. Exit code 1 when the gate does not
 * keep what it promises. With `live` the real gate decides, and its decisions are appended to that log.
 */
export async function selftestCommand(options: SelftestOptions): Promise<ExitCode> {
  refuseMixture(options);
  return options.live ? runLive(options) : runSimulated(options);
}

function refuseMixture({ live, check, decisions, minutes, world, knob }: SelftestOptions): void {
  if (check && (live || decisions !== undefined)) {
    throw usageError(
      `--check holds the page against all decisions; ${live ? '--live makes new ones' : '--decisions asks for fewer'}.`,
      'npm run selftest -- --check',
    );
  }
  if (!live && (minutes !== undefined || world !== undefined || knob !== undefined)) {
    throw usageError(
      '--minutes, --world and --knob are of live trials.',
      'npm run selftest -- --live --minutes 10',
    );
  }
  if (minutes !== undefined && decisions !== undefined) {
    throw usageError(
      '--minutes and --decisions both say when a live trial ends.',
      'npm run selftest -- --live --minutes 10',
    );
  }
}

async function runLive({ world = 'quiet', knob = 'none', ...ends }: SelftestOptions) {
  // A page without a place for the tables must not be found out about after an hour.
  await readPage();
  const { minutes, decisions } = ends;
  const options = {
    ...{ world, knob },
    ...(minutes === undefined ? {} : { minutes }),
    ...(decisions === undefined ? {} : { decisions }),
  };
  try {
    return await liveSelftest(options, interruptSignal());
  } finally {
    // What was decided until then is kept, however it ended.
    const text = await readPage();
    const written = withTables(text, 'live', renderLive(await readLive()));
    if (written !== text) {
      await writeFileAtomic(page, written);
      console.error(`selftest: written into ${relative(process.cwd(), page)}`);
    }
  }
}

async function runSimulated({ decisions, check }: SelftestOptions): Promise<ExitCode> {
  const text = await readPage();
  const live = renderLive(await readLive());
  const selftest = await simulate({
    decisions: decisions ?? fullDecisions,
    signal: interruptSignal(),
    onProgress: (done, of) => {
      if (done % 20 === 0 || done === of) {
        console.error(`selftest: ${done} of ${of} tasks`);
      }
    },
  });
  const tables = renderSelftest(selftest);
  const written = withTables(withTables(text, 'simulated', tables), 'live', live);
  console.log(`${tables}\n\n${live}`);
  if (decisions === undefined && written !== text) {
    if (check) {
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

async function readPage(): Promise<string> {
  const text = await readFile(page, 'utf8');
  for (const place of ['simulated', 'live'] as const) {
    withTables(text, place, '');
  }
  return text;
}

/** @throws PollgateError (invalid data) for a page without the marks */
function withTables(text: string, place: keyof typeof places, tables: string): string {
  const [begin, end] = places[place];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) {
    throw invalidDataError(
      `${page} has no place for the ${place} tables.`,
      `put «${begin}» and «${end}» there`,
    );
  }
  return `${text.slice(0, from + begin.length)}\n\n${tables}\n\n${text.slice(to)}`;
}

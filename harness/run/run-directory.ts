import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { infrastructureError, messageOf, usageError } from '../lib/errors.ts';

/**
 * Where everything of a run lies. All that comes after the captures reads nothing else, so that a
 * recorded run gives the same report anywhere.
 *
 *   run.json                        RunRecord: who, what, where
 *   <scenario>/baseline.json        the committed baseline as it was at the time, if there was one
 *   <scenario>/closed-loop.json     ClosedLoop
 *   <scenario>/closed-loop/<variant>/load.json  the generator in closed loop, beside autocannon
 *   <scenario>/round-01/round.json  RoundRecord: written last, so a round without it was not finished
 *   <scenario>/round-01/load.json, load.hlog, netprobe.json, <variant>.cpu.pb.gz, …
 *   report.json report.md report.html
 */
export const runFiles = {
  record: (runDir: string) => join(runDir, 'run.json'),
  baseline: (runDir: string, scenario: string) => join(runDir, scenario, 'baseline.json'),
  closedLoop: (runDir: string, scenario: string) => join(runDir, scenario, 'closed-loop.json'),
  closedLoopDir: (runDir: string, scenario: string, variant: string) =>
    join(runDir, scenario, 'closed-loop', variant),
  roundDir: (runDir: string, scenario: string, round: number) =>
    join(runDir, scenario, `round-${String(round).padStart(2, '0')}`),
  report: (runDir: string, extension: 'json' | 'md' | 'html') =>
    join(runDir, `report.${extension}`),
  heatMaps: (runDir: string) => join(runDir, 'heat-maps.csv'),
} as const;

/** Files of one round, relative to its folder. */
export const roundFiles = {
  record: 'round.json',
  load: 'load.json',
  loadLog: 'load.hlog',
  netprobe: 'netprobe.json',
  cpuProfile: (variant: string) => `${variant}.cpu.pb.gz`,
  goroutineProfile: (variant: string) => `${variant}.goroutine.pb.gz`,
  traceSummary: (variant: string) => `${variant}.trace.json`,
} as const;

/**
 * «20261122T181500Z-io_uring»: sorts by time, safe as a file name. The second run of the same
 * second is «20261122T181500Z.2-io_uring».
 */
export function makeRunId(startedAt: Date, suite: string, ordinal = 1): string {
  const stamp = startedAt.toISOString().replaceAll(/[-:]|\.\d+/g, '');
  return `${stamp}${ordinal === 1 ? '' : `.${ordinal}`}-${suite}`;
}

/**
 * Makes the folder of a new run, which no other run has, below `reports`.
 * @throws PollgateError (usage) where `reports` is no folder, (infrastructure) where it cannot be
 * written
 */
export async function makeRunDirectory(
  reports: string,
  startedAt: Date,
  suite: string,
): Promise<{ runId: string; runDir: string }> {
  await mkdir(reports, { recursive: true }).catch((cause) => refuse(reports, cause));
  for (let ordinal = 1; ; ordinal++) {
    const runId = makeRunId(startedAt, suite, ordinal);
    const runDir = join(reports, runId);
    try {
      await mkdir(runDir);
      return { runId, runDir };
    } catch (cause) {
      if (codeOf(cause) !== 'EEXIST') {
        refuse(runDir, cause);
      }
    }
  }
}

function refuse(path: string, cause: unknown): never {
  const what = `The folder ${path} could not be made: ${messageOf(cause)}`;
  if (['EEXIST', 'ENOTDIR'].includes(codeOf(cause))) {
    throw usageError(what, 'name a folder with --reports, not a file');
  }
  const remedy = 'name a folder with --reports that you may write to, on a disk with free space';
  throw infrastructureError(what, remedy, cause);
}

function codeOf(cause: unknown): string {
  return (cause as NodeJS.ErrnoException).code ?? '';
}

import { join } from 'node:path';

/**
 * Where everything of a run lies. All that comes after the captures reads nothing else, so that a
 * recorded run gives the same report anywhere.
 *
 *   run.json                        RunRecord: who, what, where
 *   <scenario>/baseline.json        the committed baseline as it was at the time, if there was one
 *   <scenario>/closed-loop.json     ClosedLoop
 *   <scenario>/round-01/round.json  RoundRecord: written last, so a round without it was not finished
 *   <scenario>/round-01/load.json, load.hlog, netprobe.json, <variant>.cpu.pb.gz, …
 *   report.json report.md report.html
 */
export const runFiles = {
  record: (runDir: string) => join(runDir, 'run.json'),
  baseline: (runDir: string, scenario: string) => join(runDir, scenario, 'baseline.json'),
  closedLoop: (runDir: string, scenario: string) => join(runDir, scenario, 'closed-loop.json'),
  roundDir: (runDir: string, scenario: string, round: number) =>
    join(runDir, scenario, `round-${String(round).padStart(2, '0')}`),
  report: (runDir: string, extension: 'json' | 'md' | 'html') =>
    join(runDir, `report.${extension}`),
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

/** «20261122T181500Z-io_uring»: sorts by time, safe as a file name. */
export function makeRunId(startedAt: Date, suite: string): string {
  const stamp = startedAt.toISOString().replaceAll(/[-:]|\.\d+/g, '');
  return `${stamp}-${suite}`;
}

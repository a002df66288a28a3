/** What a load generator is to this benchmark: how it is called and how its report is read. */

/** One piece of work for a generator. */
export interface Job {
  /** host:port of the server. */
  address: string;
  connections: number;
  /** Requests per second at even distances; 0: every connection sends as soon as it has its reply. */
  ratePerSec: number;
  durationMs: number;
  /** Folder for its files. */
  dir: string;
  /** The CPU that it is pinned to. */
  cpu: number;
  /** For a generator that draws anything. */
  seed: string;
}

/** What a generator says of a job, in ns; null where it does not say. */
export interface ToolReport {
  completed: number;
  /** Requests without a good reply. */
  errors: number;
  p50Ns: number | null;
  p90Ns: number | null;
  p99Ns: number | null;
}

export interface Tool {
  /** As in `--tools`. */
  id: string;
  /** As in the table, where it differs. */
  title?: string;
  /**
   * open: with a rate, a request is sent when it is due, replies or not; closed: never more than one
   * at a time per connection, so that a slow reply holds back what is due.
   */
  loop: 'open' | 'closed';
  source: Source;
  /** What a reader of the table must know of how it is called and how it counts. */
  how: string;
  /** Its command, without the binary; null for a job that it has no mode for. */
  args(job: Job): readonly string[] | null;
  /** Files to be written into the job's folder first. */
  files?(job: Job): Record<string, string>;
  env?: Record<string, string>;
  /** A second command of the same binary that turns what the first left into the report. */
  summarize?(job: Job): readonly string[];
  /** The file of the job's folder that holds the report; default: its standard output. */
  reportFile?: string;
  /** Requests that it sends before the job, outside of its report. */
  warmUpRequests?(job: Job): number;
  parse(text: string): ToolReport;
}

/** Where a generator comes from. */
type Source =
  | { kind: 'go'; package: string; version: string }
  | { kind: 'cargo'; crate: string; version: string }
  | { kind: 'debian'; package: string; version: readonly string[] }
  | { kind: 'npm'; package: string; script: string }
  | { kind: 'own'; program: string };

/** The standard output of a job's command, and what it says on standard error, within its folder. */
export const outputFiles = { stdout: 'stdout.txt', stderr: 'stderr.txt' } as const;

/** The address as every HTTP client takes it. */
export function urlOf(job: Job): string {
  return `http://${job.address}/`;
}

import { baselinesDir, reportsDir } from '../lib/paths.ts';

export interface BenchOptions {
  quick: boolean;
  /** Decimal uint64; a random one by default. */
  seed?: string;
  /** Capabilities without which the run must not start. */
  require: readonly string[];
  /** Id of the one scenario to run; all of the suite by default. */
  only?: string;
  /** Folder of the suites; the clone's own by default. */
  scenarios?: string;
  /** Folder that receives the run directory. */
  reports: string;
  /** Folder of the committed baselines. */
  baselines: string;
  /** Of a matrix: every load, not only the two that decide. */
  full?: boolean;
  /** Of a matrix or of diagnosis: a run directory that was cut short, to be gone on with. */
  resume?: string;
}

/** The command that repeats a run, as a shell takes it. */
export function repeatCommand(suite: string, seed: string, options: BenchOptions): string {
  const { quick, require, only, scenarios, reports, baselines } = options;
  const words = [
    quick ? '--quick' : '',
    `--seed=${seed}`,
    require.length > 0 ? `--require=${require.join(',')}` : '',
    only ? `--only=${only}` : '',
    scenarios ? `--scenarios=${scenarios}` : '',
    reports === reportsDir ? '' : `--reports=${reports}`,
    baselines === baselinesDir ? '' : `--baselines=${baselines}`,
  ];
  return ['npm run bench', suite, '--', ...words.filter(Boolean)].map(quoted).join(' ');
}

/** A word of a command as a shell takes it; the first one may have spaces that part words. */
export function quoted(word: string, index: number): string {
  const plain = index === 0 || /^[\w@%+=:,./-]+$/.test(word);
  return plain ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

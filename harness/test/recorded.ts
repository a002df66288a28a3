import { join } from 'node:path';
import { reportsDir, rootDir } from '../lib/paths.ts';

/**
 * The captures of a real run, committed: what the stages after them are tested on. Only load.hlog
 * is left out, which no stage reads and which would make half of its size.
 */
export const recordedRun = join(rootDir, 'harness', 'test', 'recorded');

/** The reports that the recorded run gives, committed as the sample of what a run gives. */
export const sampleReports = join(reportsDir, 'sample');

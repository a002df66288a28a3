import { join } from 'node:path';
import { rootDir } from '../lib/paths.ts';

/** A real run, committed with its reports: what the stages after the captures are tested on. */
export const recordedRun = join(rootDir, 'harness', 'test', 'recorded');

import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The clone's root folder. */
export const rootDir = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Everything that set-up and builds produce; deleting it costs time, never data. */
export const cacheDir = join(rootDir, '.cache');
export const scenariosDir = join(rootDir, 'scenarios');
export const baselinesDir = join(rootDir, 'baselines');
export const reportsDir = join(rootDir, 'reports');

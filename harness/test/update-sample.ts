/** Derives reports/sample/ from the recorded run; `git diff` then shows what has changed. */
import { derive, writeReports } from '../pipeline.ts';
import { recordedRun, sampleReports } from './recorded.ts';

await writeReports(sampleReports, await derive(recordedRun));

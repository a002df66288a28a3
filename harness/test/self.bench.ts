/**
 * What the harness itself costs: its hot paths on a recorded run, one table.
 * Run it with `npm run bench:self`; on an idle machine, and compare figures of one run only.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Bench } from 'tinybench';
import { readEvidence } from '../analyze/evidence.ts';
import { mergeHistograms, valueAt } from '../analyze/histogram.ts';
import { profileWeights } from '../analyze/profile.ts';
import { derive, prepareAnalysis } from '../pipeline.ts';
import { decodeProfile } from '../profile/decode.ts';
import { encode } from '../profile/testing/encode.ts';
import { renderHtml } from '../report/render/html.ts';
import { renderMarkdown } from '../report/render/markdown.ts';
import { roundFiles, runFiles } from '../run/run-directory.ts';
import { locationInterval } from '../stats/location-interval.ts';
import { recordedRun } from './recorded.ts';

await prepareAnalysis();
const evidence = await readEvidence(recordedRun);
const report = await derive(recordedRun);
const [scenario] = evidence.scenarios;
const [round] = scenario?.rounds ?? [];
const arms = round?.load.phases.flatMap((phase) => Object.values(phase.arms)) ?? [];
const blobs = arms.map((arm) => arm.latencyHistogram);
const [variant = ''] = Object.keys(round?.cpuProfiles ?? {});
const profile = await readFile(
  join(runFiles.roundDir(recordedRun, scenario?.plan.id ?? '', 1), roundFiles.cpuProfile(variant)),
);
/** 12 MB of protobuf: 200,000 samples of 25 frames. */
const largeProfile = encode({
  samples: Array.from({ length: 200_000 }, (_, s) => ({
    stack: Array.from({ length: 25 }, (_, depth) => `f${(s * 31 + depth * depth * 17) % 5000}`),
    values: [BigInt(s) * 1_000_003n],
  })),
});
const eightRounds = [1.02, 0.99, 1.01, 1.05, 0.97, 1.0, 1.03, 1.01].map(Math.log);

const bench = new Bench({ time: 1_000 });
bench
  .add('decode one HDR histogram, read p50 and p99', () => {
    const histogram = mergeHistograms(blobs.slice(0, 1));
    valueAt(histogram, 0.5);
    valueAt(histogram, 0.99);
  })
  .add(`decode and merge ${blobs.length} HDR histograms`, () => mergeHistograms(blobs))
  .add(`decode one CPU profile (${profile.length} B gzipped)`, () => profileWeights(profile, 'cpu'))
  .add('decode a profile of 12 MB', () => decodeProfile(largeProfile))
  .add('interval of 8 rounds, 4,000 resamples', () =>
    locationInterval(eightRounds, { confidence: 0.95, seed: 1n }),
  )
  .add('render report.md', () => renderMarkdown(report))
  .add('render report.html', () => renderHtml(report))
  .add('derive the whole report from the run directory', () => derive(recordedRun));
await bench.run();
console.table(bench.table());

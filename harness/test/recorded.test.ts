import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { checkJson } from '../lib/json.ts';
import { derive, writeReports } from '../pipeline.ts';
import { Report } from '../report/report.ts';
import { runFiles } from '../run/run-directory.ts';
import { recordedRun, sampleReports } from './recorded.ts';

const copies: string[] = [];

afterEach(async () => {
  await Promise.all(copies.splice(0).map((dir) => rm(dir, { recursive: true })));
});

test('the recorded run gives its three reports byte for byte, in another folder', async () => {
  const copy = await mkdtemp(join(tmpdir(), 'pollgate-recorded-'));
  copies.push(copy);
  await cp(recordedRun, copy, { recursive: true });

  await writeReports(copy, await derive(copy));

  for (const format of ['json', 'md', 'html'] as const) {
    const again = await readFile(runFiles.report(copy, format), 'utf8');
    const committed = await readFile(runFiles.report(sampleReports, format), 'utf8');
    // A boolean: a diff of half a megabyte helps nobody here, and git shows it better.
    expect(again === committed, `report.${format} differs: npm run update:sample, git diff`).toBe(
      true,
    );
  }
});

test('the recorded report has what a report is for', async () => {
  const report = await derive(recordedRun);
  checkJson(report, Report, { name: 'the recorded report', remedy: '' });
  expect([report.status, report.degraded, report.quick]).toEqual(['complete', false, false]);
  for (const scenario of report.scenarios) {
    expect(scenario.finished).toBe(scenario.rounds);
    expect(scenario.comparisons.map(({ metric }) => metric)).toContain('latency-p99');
    expect(scenario.distributions.map(({ name }) => name)).toContain('wakeupNs');
    expect(scenario.profiles.map(({ profile }) => profile)).toContain('cpu');
    expect(scenario.traces.length).toBe(scenario.servers.length);
    expect(scenario.agreements.map(({ state }) => state)).not.toContain('disagree');
  }
});

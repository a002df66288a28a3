import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { exitCode } from '../lib/errors.ts';
import { readJson } from '../lib/json.ts';
import { Baseline } from './baseline.ts';

/** Where a scenario's baseline lies below the folder of all baselines. */
export function baselinePath(dir: string, suite: string, scenario: string): string {
  return join(dir, suite, `${scenario}.json`);
}

/**
 * Reads a baseline; null where there is none.
 * @throws PollgateError (usage) naming file, JSON path and value when it is not valid
 */
export async function readBaseline(path: string): Promise<Baseline | null> {
  const there = await access(path).then(
    () => true,
    () => false,
  );
  if (!there) {
    return null;
  }
  return readJson(path, Baseline, {
    exitCode: exitCode.usage,
    remedy: `git checkout -- ${path}, or npm run baseline -- accept <suite>`,
  });
}

/** One line for each metric, ratio and histogram, so that a diff shows what has changed. */
export function formatBaseline(baseline: Baseline): string {
  const line = (value: unknown) => JSON.stringify(value);
  const map = (entries: Record<string, unknown>) => {
    const lines = Object.entries(entries)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => `    ${line(key)}: ${line(value)}`);
    return lines.length === 0 ? '{}' : `{\n${lines.join(',\n')}\n  }`;
  };
  const { schema, suite, scenario, designSha256, revision, fingerprint, runs, provenance } =
    baseline;
  return `{
  "schema": ${schema},
  "suite": ${line(suite)},
  "scenario": ${line(scenario)},
  "designSha256": ${line(designSha256)},
  "revision": ${line(revision)},
  "fingerprint": ${map(fingerprint)},
  "runs": ${line(runs)},${provenance === undefined ? '' : `\n  "provenance": ${map(provenance)},`}
  "metrics": ${map(baseline.metrics)},
  "ratios": ${map(baseline.ratios)},
  "histograms": ${map(baseline.histograms)}
}
`;
}

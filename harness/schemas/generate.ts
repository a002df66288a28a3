/** Writes the JSON schemas that editors and the Go programs read; their source is TypeScript. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TSchema } from 'typebox';
import { Baseline } from '../compare/baseline.ts';
import { writeFileAtomic } from '../lib/fs.ts';
import { formatJson } from '../lib/json.ts';
import { LoadAccuracy } from '../load-accuracy/result.ts';
import { MatrixDescription } from '../matrix/description.ts';
import { MatrixReport } from '../matrix/matrix-report.ts';
import { MatrixRecord } from '../matrix/record.ts';
import { ProbeCost } from '../probe-cost/result.ts';
import { Report } from '../report/report.ts';
import { RunRecord } from '../run/run-record.ts';
import { Scenario } from '../scenario/scenario.ts';

const schemas: Record<string, TSchema> = {
  scenario: Scenario,
  baseline: Baseline,
  run: RunRecord,
  report: Report,
  'load-accuracy': LoadAccuracy,
  'probe-cost': ProbeCost,
  matrix: MatrixDescription,
  'matrix-run': MatrixRecord,
  'matrix-report': MatrixReport,
};

/** File name to content, as it must be committed. */
export function generateSchemas(): Map<string, string> {
  return new Map(
    Object.entries(schemas).map(([name, schema]) => [
      `${name}.schema.json`,
      formatJson({ $schema: 'http://json-schema.org/draft-07/schema#', title: name, ...schema }),
    ]),
  );
}

/** Names of the committed schemas that are not what the sources say. */
export async function staleSchemas(dir = import.meta.dirname): Promise<string[]> {
  const stale: string[] = [];
  for (const [name, content] of generateSchemas()) {
    const committed = await readFile(join(dir, name), 'utf8').catch(() => '');
    if (committed !== content) {
      stale.push(name);
    }
  }
  return stale;
}

if (import.meta.main) {
  for (const [name, content] of generateSchemas()) {
    await writeFileAtomic(join(import.meta.dirname, name), content);
  }
}

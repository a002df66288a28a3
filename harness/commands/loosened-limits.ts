import { readFile } from 'node:fs/promises';
import { git } from '../build/git.ts';
import { isMetricId, metrics } from '../scenario/metric.ts';

/**
 * Limits of the gate that a change takes away or raises: it would be held against less than what the
 * base was, and the report has to say so.
 * @param dir folder of the suites, absolute
 * @param base full commit hash
 * @returns a sentence for each; none where the folder is in no repository that has the base
 */
export async function loosenedLimits(dir: string, base: string): Promise<string[]> {
  const listed = await git(dir, ['ls-tree', '-r', '--name-only', base, '.']);
  const files = listed.ok ? listed.text.split('\n').filter((name) => name.endsWith('.json')) : [];
  const found = await Promise.all(
    files.map(async (file) => {
      const then = await git(dir, ['show', `${base}:./${file}`]);
      const now = await readFile(`${dir}/${file}`, 'utf8').catch(() => '{}');
      return looser(limitsOf(then.text), limitsOf(now)).map(
        (words) => `${file.replace(/\.json$/, '')}: ${words}`,
      );
    }),
  );
  return found.flat();
}

function looser(then: Record<string, number>, now: Record<string, number>): string[] {
  return Object.entries(then).flatMap(([metric, limit]) => {
    const name = isMetricId(metric) ? metrics[metric].label : metric;
    const own = now[metric];
    if (own === undefined) {
      return [`the base has a limit of ${limit} % on ${name}, and the head has none`];
    }
    return own > limit
      ? [`the base has a limit of ${limit} % on ${name}, and the head one of ${own} %`]
      : [];
  });
}

/** What cannot be read has no limits: the head's own files were checked before. */
function limitsOf(text: string): Record<string, number> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return {};
  }
  const gate = isRecord(json) ? json['gate'] : undefined;
  const limits = isRecord(gate) ? gate['limitPercent'] : undefined;
  return Object.fromEntries(
    Object.entries(isRecord(limits) ? limits : {}).filter(
      (entry): entry is [string, number] => typeof entry[1] === 'number',
    ),
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

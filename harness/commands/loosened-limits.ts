import { readFile } from 'node:fs/promises';
import { git } from '../lib/git.ts';
import { isMetricId, metrics } from '../scenario/metric.ts';

/**
 * What a change takes from its own gate: limits that are higher or gone, variants that are no longer
 * compared, another load. It would be held against less than what the base was, and the report has
 * to say so.
 * @param dir folder of the suites, absolute
 * @param bases full commit hashes
 * @returns a sentence for each; none where the folder is in no repository that has a base
 */
export async function loosenedLimits(dir: string, bases: readonly string[]): Promise<string[]> {
  const found = await Promise.all([...new Set(bases)].map((base) => loosenedSince(dir, base)));
  return [...new Set(found.flat())];
}

async function loosenedSince(dir: string, base: string): Promise<string[]> {
  const listed = await git(dir, ['ls-tree', '-r', '--name-only', base, '.']);
  const files = listed.ok ? listed.text.split('\n').filter((name) => name.endsWith('.json')) : [];
  const found = await Promise.all(
    files.map(async (file) => {
      const then = gateOf((await git(dir, ['show', `${base}:./${file}`])).text);
      const now = gateOf(await readFile(`${dir}/${file}`, 'utf8').catch(() => '{}'));
      const words = [...looser(then.limits, now.limits), ...narrower(then, now)];
      return words.map((each) => `${file.replace(/\.json$/, '')}: ${each}`);
    }),
  );
  return found.flat();
}

/** What a scenario file asks of the gate. */
interface AskedGate {
  limits: Record<string, number>;
  /** Empty without a gate. */
  variants: string[];
  /** As JSON. */
  load: string;
}

/** Of scenarios that both have a gate: the loss of the whole gate shows in its limits. */
function narrower(then: AskedGate, now: AskedGate): string[] {
  if (then.variants.length === 0 || now.variants.length === 0) {
    return [];
  }
  const gone = then.variants.filter((name) => !now.variants.includes(name));
  return [
    ...gone.map((name) => `the base’s gate compares ${name}, and the head’s does not`),
    ...(then.load === now.load ? [] : ['the load is not that of the base']),
  ];
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

/** What cannot be read asks nothing: the head's own files were checked before. */
function gateOf(text: string): AskedGate {
  const json = parsed(text);
  const gate = isRecord(json['gate']) ? json['gate'] : undefined;
  const limits = isRecord(gate?.['limitPercent']) ? gate['limitPercent'] : {};
  const variants = gate === undefined ? [] : (gate['variants'] ?? [json['reference']]);
  return {
    limits: Object.fromEntries(
      Object.entries(limits).filter(
        (entry): entry is [string, number] => typeof entry[1] === 'number',
      ),
    ),
    variants: Array.isArray(variants) ? variants.map(String) : [],
    load: JSON.stringify(json['load']) ?? '',
  };
}

function parsed(text: string): Record<string, unknown> {
  try {
    const json: unknown = JSON.parse(text);
    return isRecord(json) ? json : {};
  } catch {
    return {};
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

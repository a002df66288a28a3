import { Profile } from 'pprof-format';
import { gunzipProfile } from '../capture/pprof.ts';

interface FunctionWeight {
  name: string;
  /** In the function itself. */
  flat: number;
  /** In the function and in all that it called; recursion counts once. */
  cumulative: number;
}

export interface ProfileWeights {
  /** Of all samples: the denominator of every share. */
  total: number;
  samples: number;
  /** By cumulative weight, then name. */
  functions: FunctionWeight[];
}

/**
 * Weights per function of a gzipped pprof profile, inlined frames included.
 * @param sampleType `cpu` (ns) or `goroutine` (count)
 * @throws Error when the gzip member is not whole or an invariant of the format does not hold; the
 *   decoder itself takes a truncated profile for a smaller one without complaint
 */
export function profileWeights(gzipped: Uint8Array, sampleType: string): ProfileWeights {
  const profile = Profile.decode(gunzipProfile(gzipped));
  const names = profile.stringTable.strings;
  const types = profile.sampleType.map((type) => names[Number(type.type)]);
  const column = types.indexOf(sampleType);
  if (column < 0) {
    throw new Error(`the profile has the sample types [${types.join(', ')}], not ${sampleType}`);
  }
  const functionNames = new Map(
    profile.function.map((f) => [Number(f.id), names[Number(f.name)] ?? '?']),
  );
  const frames = new Map(
    profile.location.map((location) => [
      Number(location.id),
      // The innermost inlined function comes first.
      location.line.map((line) => resolve(functionNames, Number(line.functionId), 'function')),
    ]),
  );
  const weights = new Map<string, FunctionWeight>();
  let total = 0;
  for (const sample of profile.sample) {
    if (sample.value.length !== types.length) {
      throw new Error(`a sample has ${sample.value.length} values for ${types.length} types`);
    }
    const value = signed(sample.value[column] ?? 0);
    total += value;
    addSample(
      weights,
      sample.locationId.flatMap((id) => resolve(frames, Number(id), 'location')),
      value,
    );
  }
  const functions = [...weights.values()].sort(
    (a, b) => b.cumulative - a.cumulative || (a.name < b.name ? -1 : 1),
  );
  return { total, samples: profile.sample.length, functions };
}

/** Several profiles of one kind as one. */
export function mergeWeights(profiles: readonly ProfileWeights[]): ProfileWeights {
  const weights = new Map<string, FunctionWeight>();
  for (const { name, flat, cumulative } of profiles.flatMap((profile) => profile.functions)) {
    const weight = weights.get(name) ?? { name, flat: 0, cumulative: 0 };
    weight.flat += flat;
    weight.cumulative += cumulative;
    weights.set(name, weight);
  }
  return {
    total: profiles.reduce((sum, profile) => sum + profile.total, 0),
    samples: profiles.reduce((sum, profile) => sum + profile.samples, 0),
    functions: [...weights.values()].sort(
      (a, b) => b.cumulative - a.cumulative || (a.name < b.name ? -1 : 1),
    ),
  };
}

function addSample(weights: Map<string, FunctionWeight>, stack: string[], value: number): void {
  const seen = new Set<string>();
  stack.forEach((name, depth) => {
    const weight = weights.get(name) ?? { name, flat: 0, cumulative: 0 };
    weight.flat += depth === 0 ? value : 0;
    weight.cumulative += seen.has(name) ? 0 : value;
    seen.add(name);
    weights.set(name, weight);
  });
}

/** pprof-format gives int64 as number or unsigned bigint; a profile's values are signed. */
function signed(value: number | bigint): number {
  return Number(BigInt.asIntN(64, BigInt(value)));
}

function resolve<T>(table: ReadonlyMap<number, T>, id: number, what: string): T {
  const found = table.get(id);
  if (found === undefined) {
    throw new Error(`the profile names ${what} ${id}, which it does not contain`);
  }
  return found;
}

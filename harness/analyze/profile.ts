import { decodeProfile } from '../profile/decode.ts';
import { columnOf, framesOf, sampleValue, totalOf } from '../profile/profile.ts';

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
 * @throws Error when the profile is not whole or not well-formed, or has no such sample type
 */
export function profileWeights(gzipped: Uint8Array, sampleType: string): ProfileWeights {
  const profile = decodeProfile(gzipped);
  const column = columnOf(profile, sampleType);
  const weights = new Map<string, FunctionWeight>();
  for (let sample = 0; sample < profile.samples; sample++) {
    const names = framesOf(profile, sample).map(({ name }) => name);
    addSample(weights, names, Number(sampleValue(profile, sample, column)));
  }
  const functions = [...weights.values()].sort(
    (a, b) => b.cumulative - a.cumulative || (a.name < b.name ? -1 : 1),
  );
  return { total: Number(totalOf(profile, column)), samples: profile.samples, functions };
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

import { randomIntegers } from '../random.ts';

/** Normal variates from a seed (Box–Muller), for simulations in tests. */
export function normals(seed: bigint): () => number {
  const below = randomIntegers(seed);
  const uniform = () => (below(2 ** 32) + 0.5) / 2 ** 32;
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

/**
 * The largest distance of an observed share from `probability` that `trials` trials explain: 3.9
 * standard deviations of the binomial, which chance exceeds once in 10,000 times.
 */
export function binomialSlack(probability: number, trials: number): number {
  return 3.9 * Math.sqrt((probability * (1 - probability)) / trials);
}

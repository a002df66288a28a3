import { randomIntegers } from '../../stats/random.ts';

/** A stream of random numbers; equal seeds give equal streams. */
export interface Variates {
  /** In (0, 1), in steps of 2⁻³². */
  uniform(): number;
  /** Standard normal. */
  normal(): number;
}

/** Normal variates by the polar form of Box and Muller (Marsaglia, Bray, SIAM Review 6, 1964). */
export function variates(seed: bigint): Variates {
  const below = randomIntegers(seed);
  const uniform = () => (below(2 ** 32) + 0.5) / 2 ** 32;
  // The method makes two at a time.
  let spare = Number.NaN;
  const normal = () => {
    if (!Number.isNaN(spare)) {
      const kept = spare;
      spare = Number.NaN;
      return kept;
    }
    let x = 0;
    let y = 0;
    let square = 0;
    do {
      x = 2 * uniform() - 1;
      y = 2 * uniform() - 1;
      square = x * x + y * y;
    } while (square >= 1);
    const scale = Math.sqrt((-2 * Math.log(square)) / square);
    spare = y * scale;
    return x * scale;
  };
  return { uniform, normal };
}

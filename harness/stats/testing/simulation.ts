/**
 * The largest distance of an observed share from `probability` that `trials` trials explain: 3.9
 * standard deviations of the binomial, which chance exceeds once in 10,000 times.
 */
export function binomialSlack(probability: number, trials: number): number {
  return 3.9 * Math.sqrt((probability * (1 - probability)) / trials);
}

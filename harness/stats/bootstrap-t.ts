import { mean } from 'simple-statistics';
import { randomIntegers } from './random.ts';
import { trimmedMean } from './trimmed-mean.ts';

export interface BootstrapTOptions {
  /** Two-sided confidence level in (0, 1). */
  confidence: number;
  seed: bigint;
  /** Whole, at least 2/(1 − confidence) − 1, because rarer tails cannot be read from fewer. */
  resamples?: number;
  /** Of the rounds to trim at each end, in [0, 0.4]; as `trimmedMean` has it if left out. */
  share?: number;
}

export interface BootstrapTInterval {
  center: number;
  /** −Infinity and Infinity where more resamples than the tail holds were degenerate. */
  lo: number;
  hi: number;
  /** Resamples without spread, whose t was taken to be infinite. */
  degenerate: number;
}

/**
 * Interval for the trimmed mean over rounds by the bootstrap-t: instead of Student's distribution,
 * that of t* = (estimate* − estimate) / error* over resamples is read, so that skewness shows.
 *
 *   estimate − t*(1 − α/2) · error  to  estimate − t*(α/2) · error,  α = 1 − confidence
 *
 * Windows of one round are not independent: a round's value is the mean of its windows, and rounds
 * are resampled whole. A resample that is all one value after trimming has no error: its t* is
 * ±Infinity by the side on which it lies, which can only widen the interval; 0 at the estimate.
 * The tails are order statistics, ⌊(resamples + 1)·α/2⌋ from either end, without interpolation.
 * Sources: B. Efron, R. J. Tibshirani, «An introduction to the bootstrap» (1993), section 12.5;
 * R. R. Wilcox, «Introduction to robust estimation and hypothesis testing», section 4.4.
 * @param rounds at least 5, each with at least one window; windows are finite numbers
 * @returns an interval of no width where all rounds are alike
 * @throws RangeError for anything else
 */
export function bootstrapTInterval(
  rounds: readonly (readonly number[])[],
  { confidence, seed, resamples = 3_999, share }: BootstrapTOptions,
): BootstrapTInterval {
  const outside = countOutside(confidence, resamples);
  const values = rounds.map(roundValue);
  const { estimate, standardError } = trimmedMean(values, share);
  if (standardError === 0) {
    return { center: estimate, lo: estimate, hi: estimate, degenerate: 0 };
  }
  const randomBelow = randomIntegers(seed);
  const sample = new Array<number>(values.length);
  const ts = new Float64Array(resamples);
  let degenerate = 0;
  for (let i = 0; i < resamples; i++) {
    for (let j = 0; j < sample.length; j++) {
      sample[j] = values[randomBelow(values.length)] ?? Number.NaN;
    }
    const again = trimmedMean(sample, share);
    const distance = again.estimate - estimate;
    degenerate += again.standardError === 0 ? 1 : 0;
    ts[i] = distance === 0 ? 0 : distance / again.standardError;
  }
  ts.sort();
  const high = ts.at(-outside) ?? Number.NaN;
  const low = ts.at(outside - 1) ?? Number.NaN;
  return {
    center: estimate,
    lo: estimate - high * standardError,
    hi: estimate - low * standardError,
    degenerate,
  };
}

/** Which t* from either end is the quantile. */
function countOutside(confidence: number, resamples: number): number {
  if (!(confidence > 0 && confidence < 1)) {
    throw new RangeError(`a confidence lies in (0, 1), got ${confidence}`);
  }
  // 1 − 0.95 is above 0.05 and 1 − 0.9 below 0.1 by their rounding: it must not cost a resample.
  const outside = Math.floor((resamples + 1) * ((1 - confidence) / 2) + 1e-6);
  if (!(Number.isInteger(resamples) && resamples <= 1e6 && outside >= 1)) {
    const fewest = Math.ceil(2 / (1 - confidence) - 1 - 1e-6);
    throw new RangeError(
      `at ${confidence} a bootstrap-t needs ${fewest} to 10⁶ resamples, got ${resamples}`,
    );
  }
  return outside;
}

function roundValue(windows: readonly number[]): number {
  if (windows.length === 0) {
    throw new RangeError('a round has at least one window, got none');
  }
  return mean([...windows]);
}

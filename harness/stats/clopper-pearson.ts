import { betaOdds } from './beta.ts';

export interface ShareInterval {
  lo: number;
  hi: number;
}

/**
 * Two-sided interval for the probability of an event seen `events` times in `trials` independent
 * trials. It is exact in that it never covers less often than the confidence says, whatever the
 * probability; for few trials it covers more often.
 *
 * Each bound is where the binomial tail is (1 − confidence)/2, a beta quantile. Source: C. J. Clopper,
 * E. S. Pearson, «The use of confidence or fiducial limits illustrated in the case of the
 * binomial», Biometrika 26 (1934) 404–413.
 * @param events whole, 0 … trials
 * @param trials whole, 1 … 10⁹
 * @param confidence in (0, 1)
 * @returns shares in [0, 1]; with no event `lo` is 0, with nothing but events `hi` is 1
 * @throws RangeError for counts or a confidence outside these ranges, or NaN
 */
export function clopperPearson(events: number, trials: number, confidence: number): ShareInterval {
  check(events, trials, confidence);
  const tail = (1 - confidence) / 2;
  return { lo: lowerBound(events, trials, tail), hi: upperBound(events, trials, tail) };
}

/**
 * One-sided lower bound: the probability of the event is at least this with that confidence.
 * Parameters and errors as for `clopperPearson`.
 */
export function clopperPearsonLower(events: number, trials: number, confidence: number): number {
  check(events, trials, confidence);
  return lowerBound(events, trials, 1 - confidence);
}

/**
 * One-sided upper bound: the probability of the event is at most this with that confidence. This is
 * what "no false alarm in 300 decisions" comes to: at most 0.99 % at 95 %.
 * Parameters and errors as for `clopperPearson`.
 */
export function clopperPearsonUpper(events: number, trials: number, confidence: number): number {
  check(events, trials, confidence);
  return upperBound(events, trials, 1 - confidence);
}

/** The share with P(at least `events`) = tail: I_share(events, trials − events + 1) = tail. */
function lowerBound(events: number, trials: number, tail: number): number {
  if (events === 0) {
    return 0;
  }
  const odds = betaOdds({ lower: tail, upper: 1 - tail }, events, trials - events + 1);
  return odds / (1 + odds);
}

/** The share with P(at most `events`) = tail: I_share(events + 1, trials − events) = 1 − tail. */
function upperBound(events: number, trials: number, tail: number): number {
  if (events === trials) {
    return 1;
  }
  const odds = betaOdds({ lower: 1 - tail, upper: tail }, events + 1, trials - events);
  return odds / (1 + odds);
}

function check(events: number, trials: number, confidence: number): void {
  if (!(Number.isSafeInteger(trials) && trials >= 1 && trials <= 1e9)) {
    throw new RangeError(`a share needs a whole number of trials in [1, 10⁹], got ${trials}`);
  }
  if (!(Number.isSafeInteger(events) && events >= 0 && events <= trials)) {
    throw new RangeError(`of ${trials} trials 0 to ${trials} can have the event, got ${events}`);
  }
  if (!(confidence > 0 && confidence < 1)) {
    throw new RangeError(`a confidence lies in (0, 1), got ${confidence}`);
  }
}

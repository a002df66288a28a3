import { normalQuantile, normalUpperTail } from './normal.ts';

/**
 * How much of a one-sided error probability may have been used up when the share `information` of
 * the planned rounds is in: cumulative, never falling, and all of it at 1. Fixed before the first
 * round, it lets the looks fall anywhere, as long as their times do not depend on the results.
 * Idea: Lan, DeMets, «Discrete sequential boundaries for clinical trials», Biometrika 70 (1983).
 * @param information in (0, 1]; anything else is a RangeError
 */
export type SpendingFunction = (information: number) => number;

/**
 * Spends next to nothing early and so leaves the last look almost at the level of a single test:
 *
 *   2 − 2Φ(z / √t),  Φ(z) = 1 − alpha/2
 *
 * resembles the bounds of O'Brien and Fleming. Source: Lan and DeMets (1983), one-sided form.
 * For alpha = 0.0002 and t below 0.01 it is smaller than the smallest double, and 0 is returned.
 * @param alpha one-sided error probability, in (0, 0.5)
 */
export function obrienFlemingSpending(alpha: number): SpendingFunction {
  const z = -normalQuantile(checkedAlpha(alpha) / 2);
  return spending(alpha, (t) => 2 * normalUpperTail(z / Math.sqrt(t)));
}

/**
 * Spends most of it early, so that clear cases end soon and the last look pays for it:
 *
 *   alpha · ln(1 + (e − 1)·t)
 *
 * resembles the equal bounds of Pocock. Source: Lan and DeMets (1983).
 * @param alpha one-sided error probability, in (0, 0.5)
 */
export function pocockSpending(alpha: number): SpendingFunction {
  checkedAlpha(alpha);
  return spending(alpha, (t) => alpha * Math.log1p((Math.E - 1) * t));
}

/** Beyond it the exponentials leave the range that is of any use (gsDesign has the same limit). */
const steepestGamma = 40;

/**
 * A family from late to early spending:
 *
 *   alpha · (1 − e^(−gamma·t)) / (1 − e^(−gamma)),  and alpha · t for gamma = 0
 *
 * where −4 is near O'Brien and Fleming's bounds and 1 near Pocock's. Source: Hwang, Shih, De Cani,
 * «Group sequential designs using a family of type I error probability spending functions»,
 * Stat. Med. 9 (1990).
 * @param alpha one-sided error probability, in (0, 0.5)
 * @param gamma in [−40, 40]
 */
export function hwangShihDeCaniSpending(alpha: number, gamma: number): SpendingFunction {
  checkedAlpha(alpha);
  if (!(Math.abs(gamma) <= steepestGamma)) {
    throw new RangeError(`gamma must be in [−${steepestGamma}, ${steepestGamma}], got ${gamma}`);
  }
  if (gamma === 0) {
    return powerSpending(alpha, 1);
  }
  return spending(alpha, (t) => (alpha * Math.expm1(-gamma * t)) / Math.expm1(-gamma));
}

/**
 * alpha · t^rho: 1 spends evenly, 3 is near O'Brien and Fleming's bounds. Source: Kim, DeMets,
 * «Design and analysis of group sequential tests based on the type I error spending rate
 * function», Biometrika 74 (1987).
 * @param alpha one-sided error probability, in (0, 0.5)
 * @param rho in (0, 50]
 */
export function powerSpending(alpha: number, rho: number): SpendingFunction {
  checkedAlpha(alpha);
  if (!(rho > 0 && rho <= 50)) {
    throw new RangeError(`rho must be in (0, 50], got ${rho}`);
  }
  return spending(alpha, (t) => alpha * t ** rho);
}

/** Holds the domain and range, and gives exactly alpha at 1, which a rounded formula may miss. */
function spending(alpha: number, formula: (information: number) => number): SpendingFunction {
  return (information) => {
    if (!(information > 0 && information <= 1)) {
      throw new RangeError(`the share of information must be in (0, 1], got ${information}`);
    }
    return information === 1 ? alpha : Math.min(alpha, formula(information));
  };
}

function checkedAlpha(alpha: number): number {
  if (!(alpha > 0 && alpha < 0.5)) {
    throw new RangeError(`a one-sided alpha must be in (0, 0.5), got ${alpha}`);
  }
  return alpha;
}

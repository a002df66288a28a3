import { formatNs, significant } from '../lib/units.ts';
import type { Claim } from './description.ts';

export const claimVerdicts = ['confirmed', 'refuted', 'undecided', 'not-testable-here'] as const;
export type ClaimVerdict = (typeof claimVerdicts)[number];

/** A measured value; bounds are null with fewer than two rounds. */
export interface Seen {
  center: number;
  lo: number | null;
  hi: number | null;
  /** Rounds that it stands on. */
  n: number;
}

/** Fewer rounds than these give no verdict: an interval over two is as often a whim as a fact. */
const fewestVerdictRounds = 5;

/** What is known of a value beside its interval. */
export interface Reservation {
  /**
   * The generator was the limit: what it sees of a server is then too few QPS, and too long times. Of a
   * ratio's numerator or denominator that leaves a bound, of both nothing.
   */
  generatorLimits?: { of: boolean; to: boolean };
  /** QPS of a server that did not get its CPUs are at least what was seen. */
  starved?: { of?: boolean; to?: boolean };
  /** A time contains what the generator, or the host under it, was late by: it is at most that. */
  late?: boolean;
  /** ln of what the A/A pair differed by in this quantity, which widens the interval; null: unknown. */
  controlShift?: number | null;
}

/** The rules of harness/matrix, in the order in which they apply; docs/statistics.md tells them. */
export function judgeClaim(
  claim: Pick<Claim, 'value' | 'holds' | 'tolerancePercent' | 'quantity'>,
  seen: Seen,
  {
    generatorLimits = { of: false, to: false },
    starved = {},
    late = false,
    controlShift = 0,
  }: Reservation = {},
): { verdict: ClaimVerdict; why: string } {
  if (generatorLimits.of && generatorLimits.to) {
    const why = 'the load generator was the limit for both servers';
    return { verdict: 'not-testable-here', why };
  }
  if (seen.lo === null || seen.hi === null) {
    return { verdict: 'undecided', why: 'one round has no interval' };
  }
  if (controlShift === null) {
    return { verdict: 'undecided', why: 'what the same program twice differs by was not measured' };
  }
  const factor = Math.exp(Math.abs(controlShift));
  const timeRatio = claim.quantity === 'p99-ratio';
  const limits = {
    atLeast: timeRatio ? generatorLimits.to : generatorLimits.of,
    atMost: timeRatio ? generatorLimits.of : generatorLimits.to,
  };
  const atLeast = limits.atLeast || starved.of === true;
  const atMost = late || limits.atMost || starved.to === true;
  const lo = atMost ? 0 : seen.lo / factor;
  const hi = atLeast ? Number.POSITIVE_INFINITY : seen.hi * factor;
  const [from, to] = allowed(claim);
  const notes = [
    ...(factor < 1.005 ? [] : [`widened by ×${significant(factor)}, which A/A differs by`]),
    ...(limits.atLeast ? ['at least this: the generator was the limit'] : []),
    ...(starved.of ? ['at least this: the server did not get its CPUs'] : []),
    ...(late ? ['at most this: the generator, or the host under it, was late as well'] : []),
    ...(limits.atMost && !late ? ['at most this: the generator was the limit'] : []),
    ...(starved.to ? ['at most this: the other server did not get its CPUs'] : []),
  ];
  const inside = lo >= from && hi <= to;
  const outside = hi < from || lo > to;
  const place = inside ? 'within' : outside ? 'outside' : 'on both sides of an end of';
  const why = [`lies ${place} ${bandWords(claim, [from, to])}`, ...notes].join('; ');
  if (seen.n < fewestVerdictRounds) {
    const few = `${seen.n} of the ${fewestVerdictRounds} rounds that a verdict needs`;
    return { verdict: 'undecided', why: `${few}; so far it ${why}` };
  }
  return { verdict: inside ? 'confirmed' : outside ? 'refuted' : 'undecided', why };
}

/** Values for which the claim holds, its tolerance included. */
function allowed({
  value,
  holds,
  tolerancePercent,
}: Pick<Claim, 'value' | 'holds' | 'tolerancePercent'>): [number, number] {
  const factor = 1 + tolerancePercent / 100;
  switch (holds) {
    case 'at-least':
      return [value / factor, Number.POSITIVE_INFINITY];
    case 'at-most':
      return [0, value * factor];
    case 'about':
      return [value / factor, value * factor];
  }
}

function bandWords(
  { quantity }: Pick<Claim, 'quantity'>,
  [from, to]: readonly [number, number],
): string {
  const write = (value: number) =>
    quantity.endsWith('-ratio') ? `×${significant(value)}` : formatNs(value);
  if (to === Number.POSITIVE_INFINITY) {
    return `${write(from)} and more`;
  }
  return from === 0 ? `${write(to)} and less` : `${write(from)} to ${write(to)}`;
}

import { sameFingerprint } from '../host/fingerprint.ts';
import type { Fingerprint } from '../host/host.ts';
import type { Metric } from '../scenario/metric.ts';

/** What decides whether a figure of one run may stand beside that of another. */
export interface Comparable {
  /** Of the scenario's plan (design.ts). */
  designSha256: string;
  fingerprint: Fingerprint;
}

/** Why figures may not be compared: another scenario, or another machine with what differs there. */
export type Incomparable =
  | { reason: 'design' }
  | { reason: 'machine'; differing: (keyof Fingerprint)[] };

/** Null where they may be: times on the same machine alone, exact counts of one design anywhere. */
export function whyIncomparable(
  a: Comparable,
  b: Comparable,
  kind: Metric['kind'],
): Incomparable | null {
  if (a.designSha256 !== b.designSha256) {
    return { reason: 'design' };
  }
  const differing = kind === 'time' ? sameFingerprint(a.fingerprint, b.fingerprint) : [];
  return differing.length === 0 ? null : { reason: 'machine', differing };
}

import type { Observation } from '../analyze/observation.ts';
import type { UringDetails } from '../capture/probes/uring.ts';
import { blind, type Sight, sight, withoutKernel } from './rule.ts';

/** What the probes and /proc say of a process's io_uring instances; rules on rings judge from both. */
export interface RingViews {
  kernel: UringDetails;
  proc: NonNullable<Observation['proc']>;
  windowNs: number;
}

/**
 * Sights of a rule on rings. A process without any is denied by both views; one of them may be missing.
 * @param kernel, proc what each view says where it could look
 */
export function ringSights(
  seen: Observation,
  { kernel, proc }: { kernel: (views: RingViews) => Sight; proc: (views: RingViews) => Sight },
): { kernel: Sight; runtime: Sight } {
  const uring = seen.kernel?.uring;
  const end = seen.proc?.end;
  if (end?.descriptors && !end.descriptors['io_uring']) {
    return { kernel: sight(false, []), runtime: sight(false, []) };
  }
  const [begin, last] = [seen.proc?.begin.rings, end?.rings];
  const snapshots = seen.proc !== null && begin != null && last != null ? seen.proc : null;
  const windowNs = seen.kernel?.windowNs ?? seen.windowNs;
  const both = uring != null && snapshots !== null ? { kernel: uring, proc: snapshots } : null;
  return {
    kernel:
      seen.kernel === null
        ? withoutKernel(seen)
        : uring == null
          ? blind('netprobe did not watch io_uring')
          : both === null
            ? blind('the snapshots of /proc are missing, which say what the process holds')
            : kernel({ ...both, windowNs }),
    runtime:
      both !== null
        ? proc({ ...both, windowNs })
        : blind('the snapshots of /proc do not tell of rings'),
  };
}

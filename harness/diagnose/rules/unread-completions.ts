import { frameText, ownFrame } from '../../analyze/stacks.ts';
import type { UringDetails } from '../../capture/probes/uring.ts';
import { claim } from '../claim.ts';
import type { Evidence } from '../finding.ts';
import { ringSights } from '../rings.ts';
import { blind, type Rule, sight } from '../rule.ts';

/** A completion queue that nobody empties overflows; the kernel keeps the rest in memory of its own. */
export const unreadCompletions: Rule = {
  cause: 'unread-completions',
  meaning: 'completions pile up in a completion queue that the process does not empty',
  remedy:
    'read the completion queue of every ring, also of one that only sends, to its end in each turn; a larger one (IORING_SETUP_CQSIZE) only puts it off',
  leads: 'kernel',
  look(seen) {
    const overflown = (edge: 'begin' | 'end') =>
      (seen.proc?.[edge].rings ?? []).reduce((sum, ring) => sum + ring.overflown, 0);
    const [before, after] = [overflown('begin'), overflown('end')];
    return {
      ...ringSights(seen, {
        kernel({ kernel, windowNs }) {
          if (kernel.cqOverflows === null) {
            return blind('this kernel does not tell of full completion queues');
          }
          const full = kernel.rings.filter(
            ({ cqOverflows, cqBacklogMax, cqEntries }) =>
              cqOverflows > 0 && cqBacklogMax >= cqEntries,
          );
          const count = kernel.cqOverflows;
          const completed = kernel.rings.reduce((sum, ring) => sum + ring.completed, 0);
          const alarm = kernel.alarms?.[0];
          return sight(count > 0 && full.length > 0, [
            claim({
              source: 'eBPF, io_uring',
              quantity: 'ring-completions',
              value: count,
              unit: 'count',
              of: `${completed} completions`,
              windowNs,
              says: `${count} of ${completed} completions found their queue full; ${full.length} of ${kernel.rings.length} rings were full to their last entry`,
            }),
            ...(alarm === undefined ? [] : [atThatMoment(alarm, windowNs)]),
          ]);
        },
        proc({ windowNs }) {
          return sight(after > 0 && after >= before, [
            claim({
              source: '/proc',
              quantity: 'ring-completions',
              value: after,
              unit: 'count',
              of: `${seen.proc?.end.rings?.length ?? 0} rings`,
              windowNs,
              says: `completions kept aside for want of room (CqOverflowList) went from ${before} to ${after}`,
            }),
          ]);
        },
      }),
      weight: after > 0 ? 1 : 0,
      summary: `${after} completions wait in the kernel for room in a full queue, ${after - before} more than at the begin`,
    };
  },
};

type Alarm = NonNullable<UringDetails['alarms']>[number];

/** Who should empty the queue stands somewhere else. */
function atThatMoment(
  { atNs, cqBacklog, cqEntries, goroutines }: Alarm,
  windowNs: number,
): Evidence {
  const all = goroutines.reduce((sum, { count }) => sum + count, 0);
  const most = goroutines[0];
  const place = most && ownFrame({ frames: most.frames });
  const where = most
    ? `, of ${all} goroutines ${most.count} ${[most.state, most.reason].filter(Boolean).join(', ')} at ${frameText(place ?? most.frames.at(-1))}`
    : '';
  return claim({
    source: 'eBPF, io_uring',
    quantity: 'ring-completions',
    value: cqBacklog,
    unit: 'count',
    of: `${cqEntries} entries of the queue`,
    windowNs,
    says: `${(atNs / 1e9).toFixed(1)} s after the begin ${cqBacklog} of ${cqEntries} entries were not taken${where}`,
    frames: (most?.frames ?? []).map((frame) => frameText(frame)),
  });
}

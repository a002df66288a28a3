import { claim } from '../claim.ts';
import { ringSights } from '../rings.ts';
import { type Rule, sight } from '../rule.ts';

const receiving = /^(RECV|RECVMSG|READ|READ_MULTISHOT)$/;
/** Without an event for so long, beside open connections, a ring that was busy has stopped. */
const silentNs = 1e9;
const sliceNs = 1e8;

/** With every provided buffer in its hands, a server reads nothing any more: receives end with ENOBUFS. */
export const unreturnedBuffers: Rule = {
  cause: 'unreturned-buffers',
  meaning: 'provided buffers are taken and not given back until none is left to receive into',
  remedy:
    'return each buffer whose completion has IORING_CQE_F_BUFFER on every path, errors and short reads included, and arm the receive again',
  leads: 'kernel',
  look(seen) {
    const unread = seen.proc?.end.sockets.unread ?? 0;
    const established = seen.proc?.end.sockets.established ?? 0;
    return {
      ...ringSights(seen, {
        kernel({ kernel, windowNs }) {
          const receives = kernel.operations.filter(({ name }) => receiving.test(name));
          const failed = receives.reduce((sum, { failed: n }) => sum + n, 0);
          const lastEventNs = Math.max(
            0,
            ...kernel.rings.flatMap(({ slices }) => slices.map(({ fromNs }) => fromNs + sliceNs)),
          );
          const silent = windowNs - lastEventNs;
          return sight(failed > 0 && silent >= silentNs && unread > 0, [
            claim({
              source: 'eBPF, io_uring',
              quantity: 'ring-requests',
              value: failed,
              unit: 'count',
              of: `${receives.reduce((sum, { submitted }) => sum + submitted, 0)} receives submitted`,
              windowNs,
              says: `${failed} receives failed, and no ring had an event in the last ${(silent / 1e9).toFixed(1)} s, with ${unread} of ${established} open connections unread`,
            }),
          ]);
        },
        proc({ windowNs }) {
          return sight(unread > 0, [
            claim({
              source: '/proc',
              quantity: 'connections',
              value: unread,
              unit: 'count',
              of: `${established} that the process holds`,
              windowNs,
              says: `${unread} of ${established} connections hold bytes that the process has not read`,
            }),
          ]);
        },
      }),
      weight: unread > 0 ? 1 : 0,
      summary: `receives end without a buffer to receive into; ${unread} of ${established} connections wait unread`,
    };
  },
};

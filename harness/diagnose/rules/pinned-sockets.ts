import { claim } from '../claim.ts';
import { ringSights } from '../rings.ts';
import { type Rule, sight } from '../rule.ts';

/** Fewer may be connections that are just being closed. */
const fewest = 5;
/** A receive and a watch for each connection that is open. */
const requestsPerSocket = 2;
/** What a server keeps in flight beside its connections: accepts, timeouts, wake-ups. */
const ownRequests = 16;
/** Requests that hold a socket; reads and writes of files hold others. */
const ofSockets = /^(POLL_ADD|RECV|RECVMSG|SEND|SENDMSG|SEND_ZC|SENDMSG_ZC|RECV_ZC)$/;

/** A request in flight holds its file: close(2) then ends the number, not the connection. */
export const pinnedSockets: Rule = {
  cause: 'pinned-sockets',
  meaning:
    'connections are closed while io_uring requests on them are in flight, which keep them open',
  remedy:
    'cancel what is in flight on a descriptor (IORING_OP_ASYNC_CANCEL with IORING_ASYNC_CANCEL_FD) and wait for its last completion before the close, or shutdown(2) first',
  leads: 'runtime',
  look(seen) {
    const [begin, end] = [seen.proc?.begin.sockets, seen.proc?.end.sockets];
    const pinned = (end?.withoutDescriptor ?? 0) - (begin?.withoutDescriptor ?? 0);
    return {
      ...ringSights(seen, {
        kernel({ kernel, proc, windowNs }) {
          const ops = kernel.operations.filter(
            ({ name, inFlight: n }) => n > 0 && ofSockets.test(name),
          );
          const inFlight = ops.reduce((sum, { inFlight: n }) => sum + n, 0);
          const held = proc.end.sockets.established;
          return sight(inFlight > requestsPerSocket * held + ownRequests, [
            claim({
              source: 'eBPF, io_uring',
              quantity: 'ring-requests',
              value: inFlight,
              unit: 'count',
              of: `${held} open connections`,
              windowNs,
              says: `${inFlight} requests of the window still in flight (${ops.map(({ name, inFlight: n }) => `${name} ${n}`).join(', ') || 'none'}) for ${held} connections that the process holds`,
            }),
          ]);
        },
        proc({ proc, windowNs }) {
          return sight(pinned >= fewest, [
            claim({
              source: '/proc',
              quantity: 'connections',
              value: pinned,
              unit: 'count',
              of: `${proc.end.sockets.established} that the process holds`,
              windowNs,
              says: `connections of its ports that live on without a descriptor in the process went from ${begin?.withoutDescriptor ?? 0} to ${end?.withoutDescriptor ?? 0}`,
            }),
          ]);
        },
      }),
      // Whatever the load, memory and ports end: it ranks before what is slow.
      weight: pinned >= fewest ? 1 : 0,
      summary: `${pinned} connections more than at the begin are closed and live on: requests in flight hold them, and their peers are not told`,
    };
  },
};

import type { Observation } from '../../analyze/observation.ts';
import { weightOf } from '../../analyze/stacks.ts';
import type { TcpLifeDetails } from '../../capture/probes/tcplife.ts';
import { claim } from '../claim.ts';
import type { Evidence } from '../finding.ts';
import { blind, type Rule, type Sight, sight, withoutKernel, withoutPprof } from '../rule.ts';

/** Fewer new connections a second cost little, whatever they carry. */
const fewestPerSec = 5;
/** A connection that is kept carries hundreds. */
const mostRequests = 5;
/** HTTP/2 needs one connection to a peer; more are made when it refuses streams. */
const fewestHttp2 = 4;
/** More than one connection to each peer, whatever else the process is connected to. */
const fewestSurplus = 3;
/** Of CPU time: what making and ending connections takes where it is not negligible. */
const leastCpuShare = 0.005;

const making =
  /^net\/http\.\(\*Transport\)\.(dialConn|dialConnFor|startDialConnForLocked)$|^net\.\(\*(Dialer|sysDialer)\)\.|^net\.Dial|^crypto\/tls\.\(\*Conn\)\.(clientHandshake|serverHandshake|handshakeContext)$|^net\.\(\*TCPListener\)\.Accept$|^net\.\(\*netFD\)\.(accept|connect|Close)$/;

type Side = TcpLifeDetails['client'];

export const connectionReuse: Rule = {
  cause: 'connection-reuse',
  meaning: 'connections are made for a few requests and thrown away, or many where one would do',
  remedy:
    'read response bodies to their end before closing them, keep one http.Client with MaxIdleConnsPerHost as high as there are requests at a time, leave keep-alives on at both ends; with HTTP/2 look at MAX_CONCURRENT_STREAMS',
  leads: 'kernel',
  look(seen) {
    const tcp = seen.kernel?.tcp;
    const windowSec = (seen.kernel?.windowNs ?? 1) / 1e9;
    const sides = tcp
      ? ([
          ['client', tcp.client],
          ['server', tcp.server],
        ] as const)
      : [];
    const failing = sides.filter(([side, counts]) => throwsAway(side, counts, windowSec));
    const [name, worst] = [...failing].sort((a, b) => b[1].established - a[1].established)[0] ?? [];
    const cpu = seen.runtime.cpu;
    const share = cpu && cpu.total > 0 ? weightOf(cpu, making) / cpu.total : 0;
    const toOnePeer = Math.max(0, ...Object.values(seen.proc?.end.sockets.toPeers ?? {}));
    const peers = Object.keys(seen.proc?.end.sockets.toPeers ?? {}).length;
    const readLoops = http2ReadLoops(seen);
    const per = worst ? worst.requests / Math.max(1, worst.established) : 0;
    return {
      kernel: outside(
        seen,
        failing.length > 0 ||
          (readLoops >= fewestHttp2 &&
            toOnePeer >= fewestHttp2 &&
            readLoops - peers >= fewestSurplus),
      ),
      runtime: inside(seen, { share, readLoops }),
      weight: worst ? Math.min(1, 0.3 + share) : share,
      summary:
        worst === undefined && readLoops >= fewestHttp2
          ? `${Math.round(readLoops)} HTTP/2 connections, ${toOnePeer} of them to one peer, where one would do: it refuses more streams`
          : `${worst ? Math.round(worst.established / windowSec) : 0} new connections a second ${name === 'server' ? 'accepted and closed by the server itself' : 'to peers'} with ${per.toFixed(1)} requests each`,
    };
  },
};

/** As client always its own doing; as server only if it closes first. */
function throwsAway(side: 'client' | 'server', counts: Side, windowSec: number): boolean {
  const { established, closed, requests, closedFirst } = counts;
  const own = side === 'client' || closedFirst.localFin >= closed / 2;
  return (
    established / windowSec >= fewestPerSec &&
    requests < mostRequests * established &&
    closed >= established / 2 &&
    own
  );
}

function outside(seen: Observation, shows: boolean): Sight {
  if (seen.kernel === null) {
    return withoutKernel(seen);
  }
  const { tcp, windowNs } = seen.kernel;
  if (tcp === null) {
    return blind('netprobe did not watch TCP');
  }
  const toPeers = Object.entries(seen.proc?.end.sockets.toPeers ?? {}).sort((a, b) => b[1] - a[1]);
  const [peer, connections] = toPeers[0] ?? [];
  const established =
    peer === undefined || connections === undefined
      ? []
      : [
          claim({
            source: '/proc',
            quantity: 'connections',
            value: connections,
            unit: 'count',
            of: 'connections that it made, at the end',
            windowNs: seen.windowNs,
            says: `${connections} connections to ${peer} at the end`,
          }),
        ];
  return sight(shows, [
    ...established,
    ...streamsOf(seen),
    ...(['client', 'server'] as const)
      .filter((side) => tcp[side].established > 0)
      .map((side) => {
        const { established, closed, requests, closedFirst } = tcp[side];
        return claim({
          source: 'eBPF, TCP',
          quantity: 'connections',
          value: established,
          unit: 'count',
          of: 'the window',
          windowNs,
          says: `as ${side} ${established} connections made and ${closed} ended, ${closedFirst.localFin} of them by this process first; ${requests} requests on them`,
        });
      }),
  ]);
}

/** What its HTTP/2 connections carried, where there were any. */
function streamsOf({ scheduler }: Observation): Evidence[] {
  const { http2, windowNs } = scheduler ?? {};
  return (['client', 'server'] as const).flatMap((name) => {
    const side = http2?.[name];
    if (!side || side.streams + (side.refused ?? 0) === 0) {
      return [];
    }
    const refused = side.refused ? `; ${side.refused} more refused` : '';
    return [
      claim({
        source: 'eBPF, HTTP/2',
        quantity: 'streams',
        value: side.streams,
        unit: 'count',
        of: `${side.ended + side.open} connections`,
        windowNs: windowNs ?? 0,
        says: `as ${name} ${side.streams} HTTP/2 streams on ${side.ended + side.open} connections, ${side.begun} of them new${refused}`,
      }),
    ];
  });
}

/** Mean number of HTTP/2 connections as a client. */
function http2ReadLoops({ runtime: { goroutines } }: Observation): number {
  const loop =
    /^(net\/http\.\(\*http2|(net\/http\/internal|golang\.org\/x\/net)\/http2\.\(\*)clientConnReadLoop\)\.run$/;
  const counts = goroutines.map((stacks) => weightOf(stacks, loop));
  return counts.reduce((sum, count) => sum + count, 0) / Math.max(1, counts.length);
}

function inside(
  seen: Observation,
  { share, readLoops }: { share: number; readLoops: number },
): Sight {
  const { cpu } = seen.runtime;
  if (cpu === null) {
    return withoutPprof(seen, 'CPU profile');
  }
  const http2 = claim({
    source: 'goroutine profile',
    quantity: 'goroutines',
    value: readLoops,
    unit: 'count',
    of: `${seen.runtime.goroutines.length} snapshots`,
    windowNs: seen.windowNs,
    says: `${readLoops.toFixed(0)} goroutines read from HTTP/2 connections as a client`,
  });
  return sight(share >= leastCpuShare || readLoops >= fewestHttp2, [
    ...(readLoops > 0 ? [http2] : []),
    claim({
      source: 'CPU profile',
      quantity: 'cpu-time',
      value: Math.round(share * cpu.total),
      unit: 'ns',
      of: `${(cpu.total / 1e9).toFixed(2)} s of CPU time`,
      windowNs: cpu.durationNs,
      says: `${(100 * share).toFixed(1)} % of CPU time under functions that dial, accept, shake hands or close`,
    }),
  ]);
}

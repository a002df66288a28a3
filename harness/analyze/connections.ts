import { TcpLifeDetails } from '../capture/probes/tcplife.ts';
import type { ScenarioEvidence } from './evidence.ts';
import { probeDetails } from './probe-details.ts';

/** The connections that a server accepted in the observed windows of all rounds; counts. */
export interface Connections {
  variant: string;
  /** Those that were open before a window are not among them. */
  established: number;
  closed: number;
  /** By who ended it first. */
  byServer: number;
  byClient: number;
  byReset: number;
  byTimeout: number;
  requests: number;
  retransmits: number;
  resetsSent: number;
  resetsReceived: number;
  timeWaits: number;
  /** Most connections that waited for accept at a time, and how many may. */
  backlogMax: number;
  backlogLimit: number;
}

export function connectionsOf(evidence: ScenarioEvidence): Connections[] {
  return Object.keys(evidence.plan.scenario.variants).flatMap((variant) => {
    const rounds = probeDetails(evidence, variant, ['tcplife', TcpLifeDetails]);
    if (rounds.length === 0) {
      return [];
    }
    const sum = (count: (details: TcpLifeDetails) => number) =>
      rounds.reduce((total, details) => total + count(details), 0);
    const most = (count: (details: TcpLifeDetails) => number) => Math.max(...rounds.map(count));
    return [
      {
        variant,
        established: sum(({ server }) => server.established),
        closed: sum(({ server }) => server.closed),
        byServer: sum(({ server }) => server.closedFirst.localFin),
        byClient: sum(({ server }) => server.closedFirst.remoteFin),
        byReset: sum(({ server: { closedFirst: c } }) => c.localReset + c.remoteReset),
        byTimeout: sum(({ server }) => server.closedFirst.timeout),
        requests: sum(({ server }) => server.requests),
        retransmits: sum(({ retransmits, synRetransmits }) => retransmits + synRetransmits),
        resetsSent: sum(({ resetsSent }) => resetsSent),
        resetsReceived: sum(({ resetsReceived }) => resetsReceived),
        timeWaits: sum(({ server }) => server.timeWaits),
        backlogMax: most(({ acceptBacklogMax }) => acceptBacklogMax),
        backlogLimit: most(({ acceptBacklogLimit }) => acceptBacklogLimit),
      },
    ];
  });
}

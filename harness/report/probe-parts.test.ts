import { expect, test } from 'vitest';
import { connectionsOf } from '../analyze/connections.ts';
import { goroutineLivesOf } from '../analyze/goroutine-lives.ts';
import { makeEvidence, probeOf } from '../test/evidence.ts';

const side = {
  ...{ established: 3, closed: 2, openAtEnd: 1, receivedBytes: 9, sentBytes: 8, timeWaits: 1 },
  ...{ requests: 12 },
  closedFirst: { localFin: 1, remoteFin: 2, localReset: 3, remoteReset: 4, timeout: 5 },
};
const tcplife = (acceptBacklogMax: number) => ({
  ...{ server: side, client: side, refused: 0, acceptBacklogMax, acceptBacklogLimit: 128 },
  ...{ retransmits: 2, synRetransmits: 1, resetsSent: 6, resetsReceived: 7 },
});

test('connections of all rounds: counts are added, the fullest queue counts', () => {
  const evidence = makeEvidence();
  probeOf(evidence, 1, 'epoll').details = { tcplife: tcplife(5) };
  probeOf(evidence, 2, 'epoll').details = { tcplife: tcplife(3) };
  expect(connectionsOf(evidence)).toEqual([
    {
      ...{ variant: 'epoll', established: 6, closed: 4, requests: 24, retransmits: 6 },
      ...{ byServer: 2, byClient: 4, byReset: 14, byTimeout: 10 },
      ...{ resetsSent: 12, resetsReceived: 14, timeWaits: 2, backlogMax: 5, backlogLimit: 128 },
    },
  ]);
  probeOf(evidence, 2, 'epoll').details = { tcplife: { ...tcplife(3), server: null } };
  expect(() => connectionsOf(evidence)).toThrow(/the tcplife in netprobe\.json/);
});

const frame = (name: string, line: number) => ({ function: name, file: 'main.go', line });
const lives = (births: number, live: number) => ({
  ...{ births, deaths: 1, leakAgeNs: 9, leakCandidates: 2 },
  atEnd: { live, byWaitReason: { select: 2, 'IO wait': 5 } },
  sites: [
    {
      ...{ goStatement: frame('main.serve', 12), start: frame('main.work', 30) },
      ...{ births, deaths: 1, liveAtEnd: live, leakCandidates: 2 },
    },
  ],
});

test('goroutines: births are added over the rounds, who is alive is of the last one', () => {
  const evidence = makeEvidence();
  probeOf(evidence, 1, 'epoll').details = { goroutines: lives(7, 40) };
  probeOf(evidence, 2, 'epoll').details = { goroutines: lives(11, 50) };
  expect(goroutineLivesOf(evidence)).toEqual([
    {
      ...{ variant: 'epoll', births: 18, deaths: 2, live: 50, leakCandidates: 4 },
      waits: [
        { reason: 'IO wait', count: 5 },
        { reason: 'select', count: 2 },
      ],
      sites: [{ place: 'main.serve:12', start: 'main.work', births: 18, live: 50, candidates: 4 }],
    },
  ]);
  probeOf(evidence, 2, 'epoll').details = { goroutines: { ...lives(1, 1), atEnd: null } };
  expect(goroutineLivesOf(evidence)[0]).toMatchObject({ live: null, waits: [] });
});

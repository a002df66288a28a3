import type { ClosedLoopEvidence, ScenarioEvidence } from '../analyze/evidence.ts';
import { withoutFigures } from '../analyze/generator.ts';
import { mergeHistograms, valueAt } from '../analyze/histogram.ts';
import { ownValue } from '../lib/json.ts';
import { formatNs } from '../lib/units.ts';
import type { AutocannonResult } from '../run/run-record.ts';
import type { ClosedLoopReport } from './report.ts';

/** A client that has no CPU left is measured itself. */
const cpuLimit = 0.95;
/** The delay is sampled every 1 ms, which is in it; beyond twice that, replies wait for the client. */
const delayLimitNs = 2_000_000;

/** autocannon's closed loops, and by how much its times differ from our generator's. */
export function closedLoopReports({ closedLoop }: ScenarioEvidence): ClosedLoopReport[] {
  return Object.entries(closedLoop ?? {}).map(([variant, captured]) => {
    const { first, autocannon } = captured;
    const histogram = mergeHistograms([autocannon.latencyHistogramUs]);
    const [p50Us, p99Us] = [valueAt(histogram, 0.5), valueAt(histogram, 0.99)];
    const generator = generatorReport(variant, captured);
    return {
      variant,
      first,
      requestsPerSec: autocannon.requestsPerSec,
      p50Us,
      p99Us,
      completed: autocannon.completed,
      failed: autocannon.errors + autocannon.non2xx + autocannon.timeouts,
      clientCpuRatio: autocannon.clientCpuRatio,
      eventLoopDelayP99Ns: autocannon.eventLoopDelayP99Ns,
      generator,
      biasP50Ns: biasNs(p50Us, generator.p50Ns),
      biasP99Ns: biasNs(p99Us, generator.p99Ns),
      warnings: [
        'closed loop: service time as this client sees it, no claim under 1 ms',
        ...bottlenecks(autocannon),
      ],
    };
  });
}

function generatorReport(
  variant: string,
  { generator }: ClosedLoopEvidence,
): ClosedLoopReport['generator'] {
  const arm = ownValue(generator.arms, variant);
  const errors = Object.values(arm?.errors ?? {}).reduce((sum, count) => sum + count, 0);
  return {
    requestsPerSec: arm?.achievedRatePerSec ?? 0,
    p50Ns: arm?.serviceNs.p50 ?? null,
    p99Ns: arm?.serviceNs.p99 ?? null,
    completed: arm?.completed ?? 0,
    failed: errors,
    busyRatio: generator.generator.busyRatio,
    absolute: arm?.validity.absolute ?? 'invalid',
    reasons: arm?.validity.reasons.map(withoutFigures) ?? [],
  };
}

function biasNs(us: number | null, ns: number | null): number | null {
  return us === null || ns === null ? null : us * 1000 - ns;
}

function* bottlenecks({
  clientCpuRatio,
  eventLoopDelayP99Ns,
}: AutocannonResult): Generator<string> {
  if (clientCpuRatio >= cpuLimit) {
    const share = Math.round(clientCpuRatio * 100);
    yield `autocannon used ${share} % of its core: it is the limit, not the server`;
  }
  if (eventLoopDelayP99Ns > delayLimitNs) {
    yield `autocannon's event loop was ${formatNs(eventLoopDelayP99Ns)} late at p99, over ${formatNs(delayLimitNs)}: replies waited for it, not for the server`;
  }
}

import { formatInteger, formatNs, formatShare } from '../../lib/units.ts';
import { cell, left, type Panel, right, type Table, table } from '../content.ts';
import type { ScenarioReport, TraceReport } from '../report.ts';

/** What goroutines wait for; only the execution trace can tell network waits from the rest. */
export const traces: Panel = {
  id: 'traces',
  title: 'Where goroutines spend their time',
  content(scenario) {
    if (scenario.traces.length === 0) {
      return null;
    }
    return {
      lead: 'From the execution trace of the last observed window, summed over all goroutines and therefore far more than the time on the clock. The block profile never contains network waits and is not used.',
      charts: [],
      tables: [traceTable(scenario)],
    };
  },
};

function traceTable({ id, traces: found }: ScenarioReport): Table {
  const parts = found.map(partsOf);
  const totals = parts.map((times) => [...times.values()].reduce((sum, ns) => sum + ns, 0));
  const states = [...new Set(parts.flatMap((times) => [...times.keys()]))];
  const peak = (state: string) => Math.max(...parts.map((times) => times.get(state) ?? 0));
  const rows = states
    .sort((a, b) => peak(b) - peak(a) || (a < b ? -1 : 1))
    .map((state) => [
      cell(state),
      ...parts.map((times, index) => {
        const ns = times.get(state) ?? 0;
        return cell(formatShare(ns, totals[index] ?? 0), { sub: formatNs(ns) });
      }),
    ]);
  const columns = [left('state'), ...found.map((trace) => right(trace.variant))];
  const notes = found.map((trace, index) => noteOf(trace, totals[index] ?? 0));
  return table(`${id}: share of goroutine time by state`, columns, rows, { notes });
}

function partsOf(trace: TraceReport): Map<string, number> {
  const blocked = Object.entries(trace.blockedNs).filter(([, ns]) => ns > 0);
  return new Map([
    ['running', trace.runningNs],
    ['runnable, waiting for a CPU', trace.runnableNs],
    ['in a system call', trace.syscallNs],
    ...blocked.map(([reason, ns]): [string, number] => [`blocked: ${reason}`, ns]),
  ]);
}

function noteOf({ variant, durationNs, networkWakeup }: TraceReport, total: number): string {
  const { count, p50, p99 } = networkWakeup;
  const wakeups =
    count > 0
      ? `network wake-ups, unblocked to running: p50 ${formatNs(p50)}, p99 ${formatNs(p99)}, n = ${formatInteger(count)}`
      : 'no network wake-up';
  return `${variant}: 100 % = ${formatNs(total)} of goroutine time in a trace of ${formatNs(durationNs)}; ${wakeups}.`;
}

import type { Diagnosis } from '../../diagnose/diagnosis.ts';
import {
  formatDuration,
  formatInteger,
  formatNs,
  formatRate,
  formatShare,
  formatValue,
  noValue,
} from '../../lib/units.ts';
import {
  type Cell,
  type Content,
  cell,
  code,
  left,
  listing,
  right,
  type Table,
  table,
} from '../content.ts';
import { findingTones } from '../panels/findings.ts';

/** Beside the report; see timeline.ts. */
export const timelineFile = 'timeline.json';

export const stateWords = {
  confirmed: 'confirmed: both views show it',
  suspected: 'suspected: one view shows it',
  'ruled-out': 'ruled out: the telling view looked',
  unknown: 'unknown: a view could not look',
} as const;

/** The causes that some view shows, each with its claim cards; then the others in one table. */
export function causes({ findings }: Diagnosis): Content {
  const seen = findings.filter(({ state }) => state === 'confirmed' || state === 'suspected');
  const others = findings.filter(({ state }) => state === 'unknown' || state === 'ruled-out');
  const rest = table(
    'Not found',
    [left('cause'), left('state'), left('why')],
    others.map(({ cause, state, summary, evidence }) => [
      cell(cause),
      cell(state === 'ruled-out' ? 'ruled out' : state, { tone: findingTones[state] }),
      cell(evidence.map(({ says }) => says).join('; ') || summary, {
        ...(state === 'unknown' ? { sub: summary } : {}),
      }),
    ]),
    { stack: true, folded: seen.length > 0 },
  );
  return {
    lead: 'A cause is confirmed only where the kernel and the Go runtime show it independently, over the same seconds.',
    charts: [],
    tables: [...seen.map(findingTable), ...(others.length > 0 ? [rest] : [])],
  };
}

function findingTable(finding: Diagnosis['findings'][number]): Table {
  const { cause, state, consequenceOf, summary, evidence, remedy } = finding;
  const rows: [string, Cell | string][] = [
    ['state', cell(stateWords[state], { tone: findingTones[state] })],
    ['what', summary],
    ...(consequenceOf === undefined ? [] : [['comes from', consequenceOf] as [string, string]]),
    ...evidence.map(({ view, source, says, card }): [string, Cell] => [
      `${view}: ${source}`,
      cell(says, { sub: card === undefined ? '' : cardText(card) }),
    ]),
    ...(remedy === '' ? [] : [['what to do', remedy] as [string, string]]),
  ];
  return listing(cause, rows);
}

type Card = NonNullable<Diagnosis['findings'][number]['evidence'][number]['card']>;

/** The claim card in one line: number, denominator, sampling, window, frames. */
function cardText({ value, unit, of, sampling, windowNs, frames }: Card): string {
  const stack = frames.length === 0 ? '' : `; ${frames.join(' ← ')}`;
  return `${formatValue(value, unit)} of ${of}; ${sampling}; ${formatDuration(windowNs)}${stack}`;
}

export function vitals({ vitals: v, target, host, windowNs, cost, endedBy }: Diagnosis): Content {
  const share = (part: number | null) => (part === null ? noValue : formatShare(part, 1));
  return {
    lead: `What the process is and does, over ${formatDuration(windowNs)}.`,
    charts: [],
    tables: [
      listing('Process', [
        ['command', code(target.commandLine)],
        ['pid', String(target.pid)],
        ['Go', target.goVersion ?? noValue],
        ['machine', host],
        ['CPUs', `${v.cpusUsed?.toFixed(2) ?? noValue} used of ${v.cpusAllowed ?? noValue}`],
        ['memory', formatValue(v.residentBytes, 'bytes')],
        ['threads', v.threads === null ? noValue : formatInteger(v.threads)],
        ['goroutines', v.goroutines === null ? noValue : formatInteger(v.goroutines)],
        ['requests under way', v.requestsUnderWay?.toFixed(1) ?? noValue],
        ['descriptors', v.descriptors === null ? noValue : formatInteger(v.descriptors)],
        [
          'cost of watching',
          cell(
            `${share(cost.kernel)} of its CPU time throughout, ${share(cost.slice)} in the slice`,
            {
              sub: 'estimated from below, profiles not counted',
            },
          ),
        ],
        ['window ended by', endedBy],
      ]),
    ],
  };
}

export function timeSpent({ cpu, waits, windowNs }: Diagnosis): Content | null {
  const tables = [
    ...(waits.length === 0
      ? []
      : [
          table(
            'Where goroutines stand',
            [right('goroutines'), left('doing'), left('nearest function of the program'), left('')],
            waits.map(({ kind, goroutines, place, inRequest }) => [
              cell(goroutines.toFixed(1)),
              cell(kindWords[kind] ?? kind),
              code(place),
              cell(inRequest ? 'serves a request' : '', { tone: 'muted' }),
            ]),
            {
              notes: [
                'Mean of the snapshots of the goroutine profile, evenly spread over the window.',
              ],
            },
          ),
        ]),
    ...(cpu.length === 0
      ? []
      : [
          table(
            'Where CPU time goes',
            [right('share'), left('nearest function of the program')],
            cpu.map(({ place, share }) => [cell(formatShare(share, 1)), code(place)]),
            { notes: ['CPU profile, 100 samples a second of CPU time.'] },
          ),
        ]),
  ];
  return tables.length === 0
    ? null
    : { lead: `Over ${formatDuration(windowNs)}.`, charts: [], tables };
}

const kindWords: Record<string, string> = {
  network: 'waits for the network',
  channel: 'waits on a channel',
  lock: 'waits for a lock',
  sleep: 'sleeps',
  call: 'in a system call',
  running: 'runs',
  other: 'waits otherwise',
};

/** The slowest turns: what the runtime saw of each, and what the kernel did. */
export function slowestTurns({ slowest }: Diagnosis): Content | null {
  if (slowest === null || slowest.rows.length === 0) {
    return null;
  }
  const { turns, apart, rows } = slowest;
  return {
    lead: `A turn is what a goroutine does between two waits for the network at the same place: in a server, a request. Of ${formatInteger(turns.count)} in the slice half took up to ${formatNs(turns.p50Ns)}, 99 % up to ${formatNs(turns.p99Ns)}, one ${formatNs(turns.maxNs)}.`,
    charts: [],
    tables: [
      table(
        'Slowest turns',
        [
          ...[left('place'), right('took'), right('runnable'), right('running'), right('in calls')],
          ...[left('blocked'), left('the kernel saw')],
        ],
        rows.map((row) => [
          cell(row.place, { sub: `goroutine ${row.goroutine}` }),
          cell(formatNs(row.durationNs)),
          cell(formatNs(row.runnableNs)),
          cell(formatNs(row.runningNs)),
          cell(formatNs(row.callNs)),
          cell(
            row.blocked
              .slice(0, 3)
              .map(({ reason, place, ns }) => `${formatNs(ns)} ${reason}, ${place}`)
              .join('; ') || noValue,
          ),
          cell(
            [
              ...(row.wakeup === null
                ? []
                : [
                    `before it ran: ${formatNs(row.wakeup.waitPNs)} for a P, ${formatNs(row.wakeup.waitCpuNs)} for a CPU`,
                  ]),
              ...row.calls.map(({ call, fileKind, ns }) => `${call} (${fileKind}) ${formatNs(ns)}`),
            ].join('; ') || noValue,
          ),
        ]),
        {
          stack: true,
          notes: [
            `Every part of the slowest, with stacks: ${timelineFile}, for ui.perfetto.dev or chrome://tracing.`,
            ...(apart === '' ? [] : [`The kernel’s view is not joined: ${apart}.`]),
          ],
        },
      ),
    ],
  };
}

export function kernelSide({ calls, times }: Diagnosis): Content | null {
  if (calls.length + times.length === 0) {
    return null;
  }
  return {
    lead: 'Counted by netprobe at every call; wake-ups in the slice.',
    charts: [],
    tables: [
      table(
        'System calls',
        [left('call'), right('a second')],
        calls.map(({ name, perSec }) => [code(name), cell(formatRate(perSec))]),
      ),
      table(
        'How long things take',
        [left('what'), right('count'), right('p50'), right('p99'), right('max')],
        times.map(({ name, count, p50Ns, p99Ns, maxNs }) => [
          code(name),
          cell(formatInteger(count)),
          cell(formatNs(p50Ns)),
          cell(formatNs(p99Ns)),
          cell(formatNs(maxNs)),
        ]),
      ),
    ],
  };
}

export function notTaken({ missing }: Diagnosis): Content | null {
  return missing.length === 0
    ? null
    : {
        lead: 'What could not be taken, or not be read.',
        charts: [],
        tables: [
          table(
            'Missing',
            [left('what and why')],
            missing.map((text) => [cell(text)]),
          ),
        ],
      };
}

export function repeat({ command, runId, startedAt }: Diagnosis): Content {
  return {
    lead: 'The evidence lies beside this report.',
    charts: [],
    tables: [
      listing('This diagnosis', [
        ['run it again', code(command)],
        ['derive this report again', code(`npm run report -- <folder of the reports>/${runId}`)],
        ['started', startedAt],
      ]),
    ],
  };
}

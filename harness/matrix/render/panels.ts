import { formatInteger, formatInterval, formatRatio, formatShare } from '../../lib/units.ts';
import {
  type Cell,
  type Content,
  cell,
  code,
  left,
  listing,
  right,
  table,
} from '../../report/content.ts';
import { fingerprintTable } from '../../report/panels/host.ts';
import { plural } from '../../report/words.ts';
import type { MatrixCell, MatrixPart, MatrixReport } from '../matrix-report.ts';
import { loadCharts } from './charts.ts';
import { amountWords, boundedRatio, seenWords, verdictWords } from './words.ts';

/** What was claimed, and what came of it in each cell. */
export function claimsPanel({ claims }: MatrixPart): Content | null {
  if (claims.length === 0) {
    return null;
  }
  const rows = claims.map((each) => {
    const { label, mark, tone } = verdictWords[each.verdict];
    return [
      cell(`${mark} ${label}`, { tone }),
      cell(each.says),
      markedCell(each.cell, each.marked),
      cell(seenWords(each), { sub: each.why }),
      cell(each.reason),
    ];
  });
  const columns = [left('verdict'), left('claim'), left('cell'), left('seen'), left('reason')];
  return {
    lead: 'Each part of the claim on its own, in every cell that it speaks of. Intervals are 95 % over rounds; a verdict needs the whole interval on one side.',
    charts: [],
    tables: [
      table('Claims', columns, rows, {
        stack: true,
        notes: [
          'QPS are compared at saturation, times below it at equal rates: at saturation p99 only tells how long the queue is.',
          '† A/A differed in this cell; ratios are judged with their interval widened by that difference.',
        ],
      }),
    ],
  };
}

/** Every pair in every cell, what nobody claimed too. */
export function pairsPanel({ cells }: MatrixPart): Content | null {
  const rows = cells.flatMap((each) =>
    each.pairs.map((pair): Cell[] => [
      markedCell(each.name, each.marks.length > 0),
      cell(pair.label),
      cell(
        each.percent === null ? boundedRatio(pair.qps, pair.generatorLimits) : '',
        ratioOf(each.percent === null ? pair.qps : null),
      ),
      cell(formatRatio(pair.p50)),
      cell(formatRatio(pair.p99), ratioOf(pair.p99)),
      cell(formatRatio(pair.cpu)),
    ]),
  );
  const aa = cells.map((each): Cell[] => [
    markedCell(each.name, each.marks.length > 0),
    cell(each.marks.join('; ') || 'agrees'),
    cell(formatRatio(each.control.qps)),
    cell(formatRatio(each.control.p50)),
    cell(formatRatio(each.control.p99)),
    cell(formatRatio(each.control.cpu)),
  ]);
  const quantities = [right('QPS'), right('p50'), right('p99'), right('CPU/request')];
  if (rows.length === 0) {
    return null;
  }
  return {
    lead: 'Ratios within a round, then their centre with its interval. Of QPS more is better, of the others less.',
    charts: [],
    tables: [
      table('Pairs', [left('cell'), left('pair'), ...quantities], rows, {
        stack: true,
        notes: ['≥ and ≤: the load generator was the limit for one side; in brackets: for both.'],
      }),
      table('The same program twice (A/A)', [left('cell'), left(''), ...quantities], aa, {
        folded: true,
      }),
    ],
  };
}

/** QPS and p99 against load, and every figure behind. */
export function loadPanel(part: MatrixPart): Content | null {
  if (part.cells.length === 0) {
    return null;
  }
  const labels = new Map(part.servers.map(({ name, label }) => [name, label]));
  const rows = part.cells.flatMap((each) =>
    each.servers.map((server): Cell[] => [
      cell(each.name),
      cell(labels.get(server.server) ?? server.server, { sub: reservationWords(server) }),
      cell(formatInterval(server.qps, 'perSec'), {
        sub: server.ownLoad === null ? '' : `${formatShare(server.ownLoad, 1)} of its own`,
      }),
      cell(formatInterval(server.p50Ns, 'ns')),
      cell(formatInterval(server.p99Ns, 'ns')),
      cell(formatInterval(server.cpuNs, 'ns')),
      cell(amountWords(server.contextSwitches)),
      cell(amountWords(server.systemCalls)),
      cell(amountWords(server.taskWork)),
      cell(server.generatorBusy === null ? '–' : formatShare(server.generatorBusy, 1)),
    ]),
  );
  const columns = [
    ...[left('cell'), left('server'), right('QPS'), right('p50'), right('p99')],
    ...[
      right('CPU'),
      right('ctx. switches'),
      right('system calls'),
      right('task_work'),
      right('generator busy'),
    ],
  ];
  return {
    lead: 'All servers of a cell get the same rate: a share of what the slowest of them can do, so that their p99 can be compared. CPU, switches, calls and task_work are per request; the last two come from windows with probes attached, at the lowest load.',
    charts: loadCharts(part),
    tables: [table('Servers', columns, rows, { folded: true })],
  };
}

function reservationWords({
  failures,
  suspect,
  invalid,
  reasons,
}: MatrixCell['servers'][number]): string {
  return [
    ...(failures.length > 0
      ? [
          `${failures.length} ${plural(failures.length, 'turn')} failed: ${failures[0]?.split('\n')[0]}`,
        ]
      : []),
    ...(invalid > 0 ? [`${invalid} ${plural(invalid, 'window')} invalid`] : []),
    ...(suspect > 0 ? [`${suspect} ${plural(suspect, 'window')} suspect`] : []),
    ...(invalid + suspect > 0 ? [reasons.join(', ')] : []),
  ].join('; ');
}

/** Whether the servers had equal chances, and how that is known. */
export function fairnessPanel({ fairness, servers }: MatrixPart): Content | null {
  const labels = new Map(servers.map(({ name, label }) => [name, label]));
  const rows = fairness.map((row): Cell[] => [
    cell(
      row.contradictions.length > 0
        ? '✗ contradicted'
        : row.unproved.length > 0
          ? '? in part'
          : '✓ proved',
      {
        tone: row.contradictions.length > 0 ? 'bad' : row.unproved.length > 0 ? 'warn' : 'good',
        sub: [...row.contradictions, ...row.unproved.map((what) => `not shown: ${what}`)].join(
          '; ',
        ),
      },
    ),
    cell(row.group),
    cell(labels.get(row.server) ?? row.server),
    cell(row.goVersion, { sub: `GOMAXPROCS ${row.goMaxProcs}` }),
    cell(row.cpus, { sub: row.cpusUsed === null ? '' : `used ${amountWords(row.cpusUsed)}` }),
    cell(row.ringThreads),
    cell(
      row.polls === null
        ? '–'
        : `${formatInteger(row.polls.epoll)} / ${formatInteger(row.polls.ioUring)}`,
    ),
    cell(amountWords(row.deviceBytes)),
  ]);
  const columns = [
    ...[left(''), left('group'), left('server'), left('Go'), left('CPUs'), left('ring threads')],
    ...[right('epoll_wait / io_uring_enter'), right('storage bytes/request')],
  ];
  return rows.length === 0
    ? null
    : {
        lead: 'The poller is proved by the tracepoints of the system calls, the page cache by what /proc/PID/io counts, the CPUs by the process’s time, in which the kernel’s threads for a ring are contained.',
        charts: [],
        tables: [table('Fairness', columns, rows, { stack: true })],
      };
}

export function untestablePanel({ untestable }: MatrixPart): Content | null {
  const rows = untestable.map(({ what, reason, remedy }) => [
    cell(what),
    cell(reason),
    code(remedy),
  ]);
  return rows.length === 0
    ? null
    : {
        lead: 'Left out on this machine, and what would change that.',
        charts: [],
        tables: [
          table('Not testable here', [left('what'), left('why'), left('to mend it')], rows, {
            stack: true,
          }),
        ],
      };
}

export function machinePanel({ fingerprint, command }: MatrixReport): Content {
  return {
    lead: 'All servers ran on this machine, one after the other in each round, in an order drawn from the seed.',
    charts: [],
    tables: [
      fingerprintTable({ fingerprint }),
      listing('How to repeat', [['command', code(command)]]),
    ],
  };
}

function markedCell(name: string, marked: boolean): Cell {
  return marked ? cell(`${name} †`, { tone: 'warn' }) : cell(name);
}

function ratioOf(
  interval: { center: number; lo: number | null; hi: number | null } | null,
): Omit<Cell, 'text'> {
  return interval === null
    ? {}
    : { ratio: { center: interval.center, lo: interval.lo, hi: interval.hi } };
}

import type { GateReport } from '../../gate/gate-report.ts';
import { formatDuration, formatNs, formatShare, significant } from '../../lib/units.ts';
import { type Content, cell, code, left, listing, right, type Table, table } from '../content.ts';
import { fingerprintTable } from '../panels/host.ts';
import { outcomeWords } from '../words.ts';
import {
  baseText,
  labelOf,
  limitText,
  limitVerdicts,
  ratioText,
  valuesText,
  whyText,
} from './words.ts';

/** The table of the Markdown report: a row for each limit, the worst first. */
export function limits(report: GateReport): Content | null {
  const rows = limitVerdicts(report).map(({ unit, verdict }) => {
    const { label, mark, tone } = outcomeWords[verdict.outcome];
    return [
      cell(`${mark} ${label}`, { tone }),
      cell(unit.id),
      cell(labelOf(verdict), {
        sub: verdict.why === '' ? '' : whyText(verdict),
      }),
      cell(limitText(verdict)),
      cell(valuesText(verdict)),
      cell(ratioText(verdict.ratio)),
      cell(ratioText(verdict.control), { tone: 'muted' }),
      cell(verdict.basis, { sub: `${verdict.afterRounds} rounds` }),
    ];
  });
  if (rows.length === 0) {
    return null;
  }
  const columns = [
    left('outcome'),
    left('scenario'),
    left('metric'),
    right('limit'),
    right('base → head'),
    right('head ÷ base'),
    right('base ÷ base'),
    left('from'),
  ];
  return {
    lead: `Compared ${report.compared} of ${report.limits} limits. Ratios have 95 % intervals over rounds; above 1 is worse, whatever the metric. base ÷ base are two builds of one revision: what they show is the machine.`,
    charts: [],
    tables: [table('Limits', columns, rows, { stack: true })],
  };
}

/** The machine around the rounds, and what it is. */
export function machine({ fingerprint, fitness }: GateReport): Content {
  return {
    lead: 'All programs of a round live on this machine at the same time; only their ratios are judged.',
    charts: [],
    tables: [
      ...(fitness.length === 0 ? [] : [fitnessTable(fitness)]),
      fingerprintTable({ fingerprint }),
    ],
  };
}

function fitnessTable(fitness: GateReport['fitness']): Table {
  const rows = fitness.flatMap(({ unit, before, after }) =>
    [
      { when: 'before', seen: before },
      { when: 'after', seen: after },
    ]
      // Before the first round steal counts since boot, which says nothing of this run.
      .map(({ when, seen }) => [
        cell(unit),
        cell(when),
        cell(significant(seen.loadAverage1)),
        cell(when === 'before' ? '' : formatShare(seen.stealRatio, 1)),
        cell(formatNs(seen.calibrationNs)),
      ]),
  );
  const columns = [
    left('scenario'),
    left('when'),
    right('load average'),
    right('steal meanwhile'),
    right('calibration loop'),
  ];
  return table('State of the machine', columns, rows, { stack: true });
}

/** All that is needed to run it again. */
export function repeat(report: GateReport): Content {
  const dirty = report.dirty
    ? { sub: 'with uncommitted changes: the revision alone does not repeat it' }
    : {};
  return {
    lead: 'The same command gives the same plan and schedule; times vary as the intervals say.',
    charts: [],
    tables: [
      listing('This run', [
        ['run it again', code(report.command)],
        [
          'derive this report again',
          code(`npm run report -- <folder of the reports>/${report.runId}`),
        ],
        ['base', { ...code(report.base), sub: baseText(report) }],
        ['head', { ...code(report.head), ...dirty }],
        ['run', code(report.runId)],
        ['started', `${report.startedAt}, took ${formatDuration(report.durationNs)}`],
        ['exit code', String(report.exitCode)],
      ]),
    ],
  };
}

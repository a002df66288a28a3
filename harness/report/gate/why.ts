import type { Change, Difference } from '../../diagnose/difference.ts';
import type { GateUnitReport } from '../../gate/gate-report.ts';
import { formatDuration, formatNs, noValue, significant } from '../../lib/units.ts';
import { type Content, cell, left, right, table } from '../content.ts';

const sides = ['base', 'head'] as const;
const kindWords: Record<Change['kind'], string> = {
  cpu: 'CPU time in',
  calls: 'system call',
  waits: 'requests wait:',
};

/** «CPU time in main.mix». */
function whatText({ kind, what }: Change): string {
  return `${kindWords[kind]} ${what}`;
}

/** «12.3 ms» or «2.04 k», in a second. */
function amountText({ unit }: Change, value: number): string {
  return unit === 'ns' ? formatNs(value) : significant(value);
}

function ratioText({ base, head }: Change): string {
  return base === 0 || head === 0 ? noValue : `×${significant(head / base)}`;
}

/** «lock-convoy confirmed; spin suspected». */
function causesText(causes: Difference['causes']['base']): string {
  return causes.map(({ cause, state }) => `${cause} ${state}`).join('; ') || 'none';
}

/** What is said of a red in words, a line each; none of a unit that nobody looked at. */
export function whyLines({ difference, unexplained }: GateUnitReport): string[] {
  if (difference === undefined) {
    return unexplained === undefined ? [] : [`Why could not be looked at: ${unexplained}`];
  }
  const { causes, changes, missing } = difference;
  return [
    `Causes: base ${causesText(causes.base)}, head ${causesText(causes.head)}`,
    ...changes.map(
      (change) =>
        `${whatText(change)}: ${amountText(change, change.base)} → ${amountText(change, change.head)} a second (${ratioText(change)})`,
    ),
    ...(changes.length === 0 ? ['Nothing differs by a fifth and more.'] : []),
    ...missing,
  ];
}

/** How the look came about: it is no part of the verdict. */
export function whyLead({ windowNs }: Difference): string {
  return `Base and head were looked at once, each alone under the same load for ${formatDuration(windowNs)}, from the kernel and from the Go runtime. What differs by a fifth and more is told; it is one look, without an interval, and no part of the verdict.`;
}

/** The section of a unit; null of one that nobody looked at. */
export function why(unit: GateUnitReport): Content | null {
  const { difference } = unit;
  if (difference === undefined) {
    return unit.unexplained === undefined
      ? null
      : { lead: whyLines(unit).join(' '), charts: [], tables: [] };
  }
  const { causes, changes, missing } = difference;
  const found = sides.flatMap((side) =>
    causes[side].map(({ cause, state, summary }) => [
      cell(side),
      cell(cause, { sub: summary }),
      cell(state),
    ]),
  );
  const rows = changes.map((change) => [
    cell(whatText(change), { code: change.kind !== 'calls' }),
    cell(change.view),
    cell(amountText(change, change.base)),
    cell(amountText(change, change.head)),
    cell(ratioText(change)),
  ]);
  const columns = [left('what'), left('view'), right('base'), right('head'), right('head ÷ base')];
  return {
    lead: whyLead(difference),
    charts: [],
    tables: [
      ...(found.length === 0
        ? []
        : [
            table('Causes found', [left('program'), left('cause'), left('state')], found, {
              stack: true,
            }),
          ]),
      ...(rows.length === 0
        ? []
        : [table('What differs, in a second', columns, rows, { stack: true, notes: missing })]),
    ],
  };
}

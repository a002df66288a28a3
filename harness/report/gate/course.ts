import type { GateUnitReport, GateVerdict } from '../../gate/gate-report.ts';
import { noValue } from '../../lib/units.ts';
import { type GateMode, gateModes } from '../../scenario/arm.ts';
import { type Axis, type Chart, logAxis, type Point, type Series, tidy } from '../chart.ts';
import { type Content, cell, left, right, type Table, table } from '../content.ts';
import { labelOf, limitText } from './words.ts';

/** Colour and shape of each series: the index of a variant of other reports. */
const slots = { head: 0, control: 5, limit: 1 } as const;

/** How the rounds of one unit went, limit by limit: drift, outliers and two-humped rounds show here. */
export function course(unit: GateUnitReport): Content | null {
  const charts = unit.verdicts.flatMap((verdict) =>
    (['sliced', 'mixed'] as const).flatMap((mode) => courseChart(verdict, mode) ?? []),
  );
  if (charts.length === 0) {
    return null;
  }
  return {
    lead: 'One mark per round, above 1 is worse. The band is the printed interval, from the sliced windows of the rounds before its decision, with both builds of the base as the base; rounds after it were run for other limits. Latencies of mixed windows wait for each other, which draws them together: they may convict and never acquit.',
    charts,
    tables: unit.verdicts.flatMap((verdict) => courseTable(verdict) ?? []),
  };
}

function courseChart(verdict: GateVerdict, mode: GateMode): Chart | null {
  const { rounds, limitPercent, metric, afterRounds, ratio } = verdict;
  const seen = rounds.flatMap((round) => {
    const effects = round[mode];
    return effects === null ? [] : [Math.exp(effects.head), Math.exp(effects.control)];
  });
  if (seen.length === 0) {
    return null;
  }
  const limit = 1 + limitPercent / 100;
  const own = mode === 'sliced' && ratio !== null ? ratio : null;
  const shown = [...seen, limit, 1, ...(own === null ? [] : [own.lo, own.hi])];
  const level = own && {
    y: log(own.center),
    lo: log(own.lo),
    hi: log(own.hi),
  };
  return {
    id: `course-${metric}-${mode}`,
    kind: 'dots',
    title: `${labelOf(verdict)}, ${mode}`,
    subtitle: `limit ${limitText(verdict)}, ${verdict.outcome} after ${afterRounds} of ${rounds.length} rounds`,
    x: roundAxis(rounds.length),
    y: logAxis('ratio, log scale', shown, times),
    series: [
      {
        ...series(verdict, mode, 'head'),
        ...(level === null ? {} : { level }),
      },
      series(verdict, mode, 'control'),
      { name: 'limit', variant: slots.limit, points: [], level: { y: log(limit) } },
    ],
    size: 'small',
  };
}

function series({ rounds }: GateVerdict, mode: GateMode, arm: 'head' | 'control'): Series {
  // Side by side within the round, so that equal values stay visible.
  const shift = arm === 'head' ? -0.12 : 0.12;
  const points = rounds.flatMap((round, index): Point[] => {
    const effects = round[mode];
    return effects === null
      ? []
      : [
          {
            x: tidy(index + 1 + shift),
            y: log(Math.exp(effects[arm])),
            label: `round ${index + 1}: ${times(Math.exp(effects[arm]))}`,
          },
        ];
  });
  return { name: `${arm} ÷ base`, variant: slots[arm], points };
}

function courseTable(verdict: GateVerdict): Table | null {
  const { rounds } = verdict;
  if (rounds.length === 0) {
    return null;
  }
  const arms = ['head', 'control'] as const;
  const columns = [
    left('round'),
    ...gateModes.flatMap((mode) => arms.map((arm) => right(`${mode}: ${arm} ÷ base`))),
  ];
  const rows = rounds.map((round, index) => [
    cell(String(index + 1)),
    ...gateModes.flatMap((mode) =>
      arms.map((arm) => cell(round[mode] === null ? noValue : times(Math.exp(round[mode][arm])))),
    ),
  ]);
  return table(`${labelOf(verdict)}: every round`, columns, rows, { folded: true });
}

function roundAxis(count: number): Axis {
  const ticks = Array.from({ length: count }, (_, index) => ({
    at: index + 1,
    label: String(index + 1),
    rank: index === 0 || index === count - 1 ? (0 as const) : (1 as const),
  }));
  return { label: 'round', min: 0.5, max: count + 0.5, ticks };
}

/** Position on a log axis. */
function log(ratio: number): number {
  return tidy(Math.log10(ratio));
}

/** As fine as limits are: "×1.003". */
function times(ratio: number): string {
  return `×${ratio.toFixed(ratio < 10 ? 3 : 1)}`;
}

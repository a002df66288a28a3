import { roundMs } from '../../gate/design.ts';
import type { GateReport, GateUnitReport, GateVerdict } from '../../gate/gate-report.ts';
import { formatValue, noValue, significant, type Unit } from '../../lib/units.ts';
import { isMetricId, metrics } from '../../scenario/metric.ts';
import { type OutcomeWord, outcomeWords } from '../words.ts';

const undecided: OutcomeWord = { label: 'not decided', mark: '?', tone: 'warn' };

/** Mark, word and tone of a gate's run. */
export function gateOutcomeWord({ outcome }: GateReport): OutcomeWord {
  return outcome in outcomeWords ? outcomeWords[outcome as keyof typeof outcomeWords] : undecided;
}

/** A limit with the unit it belongs to. */
export interface LimitVerdict {
  unit: GateUnitReport;
  verdict: GateVerdict;
}

const worstFirst = Object.keys(outcomeWords);

/** Every limit of a run, the worst outcome first, otherwise in the order of the report. */
export function limitVerdicts(report: GateReport): LimitVerdict[] {
  const rank = ({ verdict }: LimitVerdict) => worstFirst.indexOf(verdict.outcome);
  return report.units
    .flatMap((unit) => unit.verdicts.map((verdict) => ({ unit, verdict })))
    .sort((a, b) => rank(a) - rank(b));
}

export function labelOf({ metric }: Pick<GateVerdict, 'metric'>): string {
  return isMetricId(metric) ? metrics[metric].label : metric;
}

/** "3 %", or "1 % and 0.01 a request" where a count may be nothing. */
export function limitText({ limitPercent, offset }: GateVerdict): string {
  const allowance =
    offset === undefined ? '' : ` and ${significant((offset * limitPercent) / 100)} a request`;
  return `${limitPercent} %${allowance}`;
}

export function valuesText({ metric, values }: GateVerdict): string {
  const unit: Unit = isMetricId(metric) ? metrics[metric].unit : 'count';
  const base = values?.['base'];
  const head = values?.['head'];
  return base === undefined || head === undefined
    ? noValue
    : `${formatValue(base, unit)} → ${formatValue(head, unit)}`;
}

/** With four digits: limits are of a few percent, and three would hide a third of one. */
export function ratioText(ratio: GateVerdict['ratio']): string {
  if (ratio === null) {
    return noValue;
  }
  const digits = (value: number) => value.toFixed(value < 10 ? 3 : 1);
  return `×${digits(ratio.center)} [${digits(ratio.lo)}, ${digits(ratio.hi)}]`;
}

/** Why a limit is not decided, and what would decide it. */
export function whyText({ why, neededRounds }: GateVerdict): string {
  return neededRounds === null
    ? why
    : `${why}; about ${neededRounds} rounds (${Math.ceil((neededRounds * roundMs) / 1000)} s of load) would decide it`;
}

/** "base 1a2b3c… (rebuilt: …)"; of all units where they differ. */
export function baseText({ base, against, units }: GateReport): string {
  const own = [...Map.groupBy(units, (unit) => unit.base)];
  const each =
    own.length < 2
      ? base.slice(0, 12)
      : own
          .map(
            ([revision, of]) => `${revision.slice(0, 12)} of ${of.map(({ id }) => id).join(', ')}`,
          )
          .join('; ');
  return `${each} (${against})`;
}

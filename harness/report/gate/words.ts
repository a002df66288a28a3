import type { GateReport, GateUnitReport, GateVerdict } from '../../gate/gate-report.ts';
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

import type { Verdict } from '../compare/verdict.ts';
import { isMetricId, metrics } from '../scenario/metric.ts';
import type { Report, ScenarioReport } from './report.ts';

/** How a cell or line is meant; renderers choose the colour, the words carry the meaning. */
export type Tone = 'good' | 'bad' | 'warn' | 'muted';

export interface OutcomeWord {
  label: string;
  /** One character that says the same without colour. */
  mark: string;
  tone: Tone;
}

/** Every outcome of a run or a metric, worst first. */
export const outcomeWords: Record<Report['outcome'], OutcomeWord> = {
  interrupted: { label: 'interrupted', mark: '!', tone: 'warn' },
  'infra-error': { label: 'infrastructure error', mark: '!', tone: 'bad' },
  invalid: { label: 'invalid data', mark: '!', tone: 'bad' },
  regressed: { label: 'regressed', mark: '✗', tone: 'bad' },
  'over-budget': { label: 'over budget', mark: '✗', tone: 'bad' },
  'expectation-broken': { label: 'expectation broken', mark: '✗', tone: 'bad' },
  unmeasurable: { label: 'unmeasurable', mark: '?', tone: 'warn' },
  incomparable: { label: 'incomparable', mark: '?', tone: 'warn' },
  inconclusive: { label: 'inconclusive', mark: '?', tone: 'warn' },
  'budget-warning': { label: 'budget warning', mark: '!', tone: 'warn' },
  improved: { label: 'improved', mark: '✓', tone: 'good' },
  pass: { label: 'pass', mark: '✓', tone: 'good' },
};

const severity = Object.keys(outcomeWords);

/** Verdicts of one scenario that say the same, such as «there is no baseline» of every metric. */
export interface VerdictGroup {
  scenario: ScenarioReport;
  outcome: Verdict['outcome'];
  found: string;
  advice: string;
  members: Verdict[];
}

/** All verdicts of a run, the worst first, otherwise in the order of the report. */
export function verdictGroups(report: Report): VerdictGroup[] {
  const groups = new Map<string, VerdictGroup>();
  report.scenarios.forEach((scenario, index) => {
    for (const verdict of scenario.verdicts) {
      const { outcome, found, advice } = verdict;
      const key = JSON.stringify([index, outcome, found, advice]);
      const group = groups.get(key) ?? { scenario, outcome, found, advice, members: [] };
      group.members.push(verdict);
      groups.set(key, group);
    }
  });
  return [...groups.values()].sort(
    (a, b) => severity.indexOf(a.outcome) - severity.indexOf(b.outcome),
  );
}

/** What the members of a group differ in, each thing once: "epoll, io_uring". */
export function each(members: readonly Verdict[], part: (verdict: Verdict) => string): string {
  return [...new Set(members.map(part))].join(', ');
}

/** "p99" for a metric id; anything else, such as a cause, as it is. */
export function subjectLabel(subject: string): string {
  return isMetricId(subject) ? metrics[subject].label : subject;
}

/** "regression, absolute": what was asked, and which comparison the answer stands on. */
export function kindWords({ kind, basis }: Verdict): string {
  return basis === undefined ? kind : `${kind}, ${basis.replace('-', ' ')}`;
}

/** "compared 14 of 14 gated metrics". */
export function comparedWords(report: Report): string {
  return `compared ${report.compared} of ${report.gated} gated ${plural(report.gated, 'metric')}`;
}

/** What a reader must know before trusting the numbers, most important first. */
export function reservations(report: Report): string[] {
  const words: string[] = [];
  if (report.status !== 'complete') {
    words.push(report.status === 'interrupted' ? 'interrupted before its end' : 'failed');
  }
  if (report.degraded) {
    words.push('degraded: captures were lost');
  }
  if (report.quick) {
    words.push('quick: a look, not a measurement');
  }
  if (report.dirty) {
    words.push('uncommitted changes');
  }
  return words;
}

/** Variants of a scenario in the order they are shown everywhere, the reference first. */
export function variantNames(scenario: ScenarioReport): string[] {
  const seen = [
    ...scenario.servers,
    ...scenario.measurements,
    ...scenario.curves,
    ...scenario.verdicts,
    ...scenario.descriptors,
  ].map((part) => part.variant);
  const known = new Set(seen);
  return [...(known.delete(scenario.reference) ? [scenario.reference] : []), ...known];
}

export function plural(count: number, noun: string): string {
  return count === 1 ? noun : `${noun}s`;
}

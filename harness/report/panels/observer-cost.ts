import { formatRatio, formatValue } from '../../lib/units.ts';
import { cell, left, type Panel, right, table, variantCell } from '../content.ts';
import { subjectLabel, variantNames } from '../words.ts';

/** What watching costs the watched. */
export const observerCost: Panel = {
  id: 'observer-cost',
  title: 'What watching costs',
  content(scenario) {
    if (scenario.observerCost.length === 0) {
      return null;
    }
    const names = variantNames(scenario);
    const columns = [
      left('metric'),
      left('variant'),
      right('unobserved'),
      right('observed'),
      right('observed ÷ unobserved'),
    ];
    const rows = scenario.observerCost.map((cost) => [
      cell(subjectLabel(cost.metric)),
      variantCell(cost.variant, names),
      cell(formatValue(cost.unobserved, cost.unit)),
      cell(formatValue(cost.observed, cost.unit)),
      cell(formatRatio({ center: cost.ratio, lo: null, hi: null })),
    ]);
    return {
      lead: 'The observed window (probes and profiles attached) against the unobserved one of the same rounds. Latency and CPU verdicts read only unobserved windows.',
      charts: [],
      tables: [table(`${scenario.id}: the observer's cost`, columns, rows)],
    };
  },
};

import { formatInteger, noValue } from '../../lib/units.ts';
import { cell, code, left, type Panel, right, table, variantCell } from '../content.ts';
import { variantNames } from '../words.ts';

/** Where goroutines come from, whether they end, and what those wait for that do not. */
export const goroutines: Panel = {
  id: 'goroutines',
  title: 'Goroutines',
  content(scenario) {
    const seen = scenario.goroutines ?? [];
    if (seen.length === 0) {
      return null;
    }
    const names = variantNames(scenario);
    const rows = seen.map((each) => [
      variantCell(each.variant, names),
      cell(formatInteger(each.births)),
      cell(formatInteger(each.deaths)),
      cell(each.live === null ? noValue : formatInteger(each.live)),
      each.leakCandidates > 0
        ? cell(formatInteger(each.leakCandidates), { tone: 'warn' })
        : cell('0'),
      cell(each.waits.map(({ reason, count }) => `${reason} ${formatInteger(count)}`).join(', ')),
    ]);
    const sites = seen.flatMap((each) =>
      each.sites.map((site) => [
        variantCell(each.variant, names),
        code(site.place),
        code(site.start),
        cell(formatInteger(site.births)),
        cell(formatInteger(site.live)),
        cell(formatInteger(site.candidates)),
      ]),
    );
    const columns = [
      left('variant'),
      right('born'),
      right('ended'),
      right('alive at the end'),
      right('leak candidates'),
      left('waiting for, at the end'),
    ];
    const siteColumns = [
      left('variant'),
      left('go statement in'),
      left('starts'),
      right('born'),
      right('alive at the end'),
      right('leak candidates'),
    ];
    return {
      lead: 'Counted by eBPF in the observed windows of all rounds; who is alive and what it waits for is of the last one. A candidate for a leak is old, and of a go statement that grew in every quarter of its window: evidence, not a verdict.',
      charts: [],
      tables: [
        table(`${scenario.id}: goroutines`, columns, rows, { stack: true }),
        table(`${scenario.id}: where goroutines come from`, siteColumns, sites, { folded: true }),
      ],
    };
  },
};

import { significant } from '../lib/units.ts';
import { median } from './median.ts';
import type { Reading, Target, ToolEntry } from './result.ts';

/** How many times our rate per CPU second must be that of the best of some others. */
const goals: readonly { name: string; others: readonly string[]; factor: number }[] = [
  { name: 'wrk', others: ['wrk'], factor: 1 },
  { name: 'autocannon', others: ['autocannon', 'autocannon-us'], factor: 4 },
  {
    name: 'the best generator in Go',
    others: ['hey', 'bombardier', 'fortio', 'vegeta', 'k6'],
    factor: 2,
  },
];

/** The goals that compare our cost with that of others, from the readings of one run. */
export function costTargets(readings: readonly Reading[], tools: readonly ToolEntry[]): Target[] {
  const rateOf = (tool: string) =>
    median(
      readings
        .filter((reading) => reading.measurement === 'cost' && reading.tool === tool)
        .flatMap(({ values }) => values['ratePerCpuSec'] ?? []),
    );
  const own = rateOf('ours');
  return own === null
    ? []
    : goals.map(({ name, others, factor }) => {
        const rates = others.flatMap((id) => {
          const rate = rateOf(id);
          return rate === null ? [] : [{ id, rate }];
        });
        const best = rates.toSorted((a, b) => b.rate - a.rate)[0];
        const title = tools.find(({ id }) => id === best?.id)?.title ?? best?.id;
        const absent = others.filter((id) => rates.every((rate) => rate.id !== id));
        // A goal that holds against few says so, and against whom it was not tried.
        const notes = [
          rates.length > 1 ? `of ${rates.map(({ id }) => id).join(', ')}` : '',
          absent.length > 0 ? `without ${absent.join(', ')}` : '',
        ].filter(Boolean);
        const compared = notes.length > 0 ? ` (${notes.join('; ')})` : '';
        return {
          name: `closed loop, requests per CPU second, against ${name}`,
          goal: `≥ ${significant(factor)}×`,
          seen:
            best === undefined
              ? `not available: ${absent.join(', ')}`
              : `${significant(own / best.rate)}× ${title}${compared}`,
          scheduling: '',
          met: best === undefined ? null : own / best.rate >= factor,
        };
      });
}

import type { Report } from './report.ts';

/**
 * The heat maps of a run as rows for other programs: RFC 4180, delays in µs, one line a cell.
 * @returns undefined where the run has none
 */
export function heatMapCsv(report: Report): string | undefined {
  const rows = report.scenarios.flatMap(({ id, heatMaps = [] }) =>
    heatMaps.flatMap(({ variant, by, cells }) =>
      cells.map(({ x, wakeupNs, count }) =>
        [id, variant, by, by === 'loop' ? x / 1000 : x, wakeupNs / 1000, count].join(','),
      ),
    ),
  );
  return rows.length === 0
    ? undefined
    : `${['scenario,variant,by,x_us_or_count,wakeup_us,count', ...rows].join('\r\n')}\r\n`;
}

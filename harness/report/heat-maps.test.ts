import { expect, test } from 'vitest';
import { cellEnd, heatMapsOf } from '../analyze/heat-map.ts';
import { makeEvidence, probeOf } from '../test/evidence.ts';
import { heatMapCsv } from './heat-csv.ts';
import { heatMaps } from './panels/heat-maps.ts';
import { renderHtml } from './render/html.ts';
import type { Report } from './report.ts';
import { sampleReport } from './testing/sample.ts';

const details = (count: number) => ({
  subSteps: 4,
  fromNs: 1,
  toNs: 2,
  loopByWakeup: [
    { loopNs: 0, wakeupNs: 1_024, count },
    { loopNs: 2_048, wakeupNs: 65_536, count: 3 },
  ],
  readyByWakeup: [{ readyCount: 1, wakeupNs: 1_024, count }],
  withoutLoop: 2,
});

function evidence() {
  const made = makeEvidence();
  probeOf(made, 1, 'epoll').details = { heatmap: details(5) };
  probeOf(made, 2, 'epoll').details = { heatmap: details(7) };
  return made;
}

function reportWith(maps: ReturnType<typeof heatMapsOf>): Report {
  const report = sampleReport();
  const [first] = report.scenarios;
  return { ...report, scenarios: first ? [{ ...first, heatMaps: maps }] : [] };
}

test('the rounds are added up cell by cell; a variant without has none', () => {
  expect(heatMapsOf(evidence())).toEqual([
    {
      ...{ variant: 'epoll', by: 'loop', subSteps: 4, left: 4 },
      cells: [
        { x: 0, wakeupNs: 1_024, count: 12 },
        { x: 2_048, wakeupNs: 65_536, count: 6 },
      ],
    },
    {
      ...{ variant: 'epoll', by: 'ready', subSteps: 4, left: 4 },
      cells: [{ x: 1, wakeupNs: 1_024, count: 12 }],
    },
  ]);
  expect(heatMapsOf(makeEvidence())).toEqual([]);
});

test('details of another form are refused by name', () => {
  const broken = evidence();
  probeOf(broken, 1, 'epoll').details = { heatmap: { ...details(1), subSteps: 'four' } };
  expect(() => heatMapsOf(broken)).toThrow(/the heatmap in netprobe\.json.*subSteps/s);
});

test.for<[from: number, end: number]>([
  [0, 1],
  [3, 4],
  [4, 5],
  [7, 8],
  [8, 10],
  [1_024, 1_280],
  [1_792, 2_048],
])('the cell from %d ends at %d', ([from, end]) => {
  expect(cellEnd(from, 4)).toBe(end);
});

test('as rows for other programs: delays in µs', () => {
  expect(heatMapCsv(reportWith(heatMapsOf(evidence())))?.split('\r\n')).toEqual([
    'scenario,variant,by,x_us_or_count,wakeup_us,count',
    expect.stringMatching(/,epoll,loop,0,1\.024,12$/),
    expect.stringMatching(/,epoll,loop,2\.048,65\.536,6$/),
    expect.stringMatching(/,epoll,ready,1,1\.024,12$/),
    '',
  ]);
  expect(heatMapCsv(reportWith([]))).toBeUndefined();
});

test('every cell is drawn inside the picture, and says what it counts', () => {
  const report = reportWith(heatMapsOf(evidence()));
  const page = renderHtml(report);
  const [first = ''] = /<svg class="heat-map".*?<\/svg>/s.exec(page) ?? [];
  const rects = [
    ...first.matchAll(/<rect x="([^"]*)" y="([^"]*)" width="([^"]*)" height="([^"]*)"/g),
  ];
  expect(rects).toHaveLength(2);
  for (const [, ...numbers] of rects) {
    const [x, y, width, height] = numbers.map(Number) as [number, number, number, number];
    expect(Math.min(x, y)).toBeGreaterThanOrEqual(0);
    expect(Math.min(width, height)).toBeGreaterThan(0);
    expect(x + width).toBeLessThanOrEqual(520);
    expect(y + height).toBeLessThanOrEqual(300);
  }
  expect(first).toContain('<title>loop so far 2.05 µs, wake-up 65.5 µs: 6</title>');
  expect(page).toContain('18 wake-ups; 4 whose poll is not known');
});

test('without heat maps there is no panel', () => {
  const report = reportWith([]);
  const [scenario] = report.scenarios;
  expect(scenario && heatMaps.content(scenario, report)).toBeNull();
});

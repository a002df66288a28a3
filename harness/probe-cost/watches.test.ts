import { expect, test } from 'vitest';
import { tools } from './tools.ts';
import { estimatedRatio } from './watch.ts';
import { chooseWatches, type Listing, netprobeWatches } from './watches.ts';

const listing: Listing = {
  schema: 1,
  probes: [
    { name: 'netpoll', summary: 'polls', set: 'kernel' },
    { name: 'wakeup', summary: 'wake-ups', set: 'runtime' },
    { name: 'heatmap', summary: 'cells', set: 'runtime', object: 'wakeup' },
    { name: 'request', summary: 'requests', set: 'full' },
  ],
};

test('each set has the probes of those before it; each probe stands alone too', () => {
  const entries = (kind: 'set' | 'probe') =>
    netprobeWatches(listing, ['netprobe'], kind).map(({ entry: { id, how } }) => [id, how]);
  expect(entries('set')).toEqual([
    ['kernel', 'netpoll'],
    ['runtime', 'netpoll, wakeup, heatmap'],
    ['full', 'netpoll, wakeup, heatmap, request'],
  ]);
  expect(entries('probe')).toEqual([
    ['netpoll', 'polls'],
    ['wakeup', 'wake-ups'],
    ['heatmap', 'With wakeup, whose hits it counts. cells'],
    ['request', 'requests'],
  ]);
});

test('--only: in the order of the table, and a name that there is not is refused', () => {
  const all = netprobeWatches(listing, ['netprobe'], 'set');
  expect(chooseWatches(all, ['full', 'kernel']).map(({ entry }) => entry.id)).toEqual([
    'kernel',
    'full',
  ]);
  expect(chooseWatches(all, undefined)).toHaveLength(3);
  expect(() => chooseWatches(all, ['kernel', 'colonel'])).toThrow(
    expect.objectContaining({ exitCode: 2, remedy: 'name some of kernel, runtime, full' }),
  );
});

test('tools: ids of their own, and the process is named in their arguments', () => {
  expect(new Set(tools.map(({ id }) => id)).size).toBe(tools.length);
  expect(tools.filter((tool) => !tool.args(4711).join(' ').includes('4711'))).toEqual([]);
});

test('the estimate is a share of what the process would have used alone', () => {
  expect(estimatedRatio(110, 10)).toBeCloseTo(0.1);
  expect(estimatedRatio(0, 0)).toBeNull();
  expect(estimatedRatio(10, 12)).toBeNull();
});

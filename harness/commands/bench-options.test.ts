import { expect, test } from 'vitest';
import { baselinesDir, reportsDir } from '../lib/paths.ts';
import { repeatCommand } from './bench-options.ts';

const defaults = { quick: false, require: [], reports: reportsDir, baselines: baselinesDir };

test('the command that repeats a run holds what was given, and nothing else', () => {
  expect(repeatCommand('io_uring', '7', defaults)).toBe('npm run bench io_uring -- --seed=7');
  const all = {
    quick: true,
    require: ['ebpf', 'pprof'],
    only: 'orders',
    scenarios: '/my scenarios',
    reports: "it's/here",
    baselines: '../baselines',
  };
  expect(repeatCommand('own', '7', all)).toBe(
    `npm run bench own -- --quick --seed=7 --require=ebpf,pprof --only=orders '--scenarios=/my scenarios' '--reports=it'\\''s/here' --baselines=../baselines`,
  );
});

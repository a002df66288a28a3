import { setTimeout as sleep } from 'node:timers/promises';
import { readCpuTicks, stealRatio } from '../cpu-ticks.ts';
import { degraded, type Outcome, ok, type Prerequisite } from './prerequisite.ts';

const sampleMs = 200;
/** On two CPUs 200 ms are 40 ticks: one stolen tick is 2.5 % and may be chance. */
const tolerated = 0.05;
const lost = ['narrow intervals of p50 and p99: expect inconclusive verdicts'];

/** CPU time that the hypervisor gives to other guests. */
export const steal: Prerequisite = {
  id: 'steal',
  title: 'Stolen CPU time',
  lost,
  inspect: 'vmstat 1 5',
  async look({ signal }) {
    const before = await readCpuTicks();
    await sleep(sampleMs, undefined, { signal });
    return judgeSteal(stealRatio(before, await readCpuTicks()));
  },
};

export function judgeSteal(ratio: number): Outcome {
  const seen = `${(ratio * 100).toFixed(1)} % over ${sampleMs} ms`;
  if (ratio <= tolerated) {
    return ok(seen);
  }
  return degraded(seen, {
    lost,
    remedy:
      'npm run doctor # again in a while; steal that stays needs a machine with CPUs of its own',
  });
}

import { readFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import Type, { type Static } from 'typebox';
import { readCpuTicks, stealRatio } from '../host/cpu-ticks.ts';
import { formatNs, formatShare, noValue } from '../lib/units.ts';
import { median } from './median.ts';
import { quantile } from './oracle.ts';

/** What the machine did to a measurement, between two looks at it. */
export const Noise = Type.Object(
  {
    /** Share of the CPU time that the hypervisor gave to someone else, 0 to 1. */
    stealRatio: Type.Number(),
    /** Share of the time in which some task waited for a CPU (PSI); null where the kernel has none. */
    pressureRatio: Type.Union([Type.Number(), Type.Null()]),
    loadAverage1: Type.Object({ before: Type.Number(), after: Type.Number() }),
    /** The longest interruption of a spinning loop within 1 ms, p99 of 250 such; per look. */
    spinP99Ns: Type.Array(Type.Integer()),
  },
  { additionalProperties: false },
);
export type Noise = Static<typeof Noise>;

/** One sentence for the top of a table. */
export function describeNoise({
  stealRatio: stolen,
  pressureRatio,
  loadAverage1,
  spinP99Ns,
}: Noise): string {
  const spins = `${formatNs(median(spinP99Ns))}, at most ${formatNs(Math.max(...spinP99Ns))}`;
  const pressure = pressureRatio === null ? noValue : formatShare(pressureRatio, 1);
  return `Noise, the benchmark’s own load included: ${formatShare(stolen, 1)} of the CPU time stolen, ${pressure} of the time some task waited for a CPU, load average ${loadAverage1.before.toFixed(2)} before and ${loadAverage1.after.toFixed(2)} after, a spinning loop lost ${spins} (p99 over slices of 1 ms).`;
}

/** Watches the machine from now on; look() takes about 250 ms of a CPU: never within a window. */
export async function watchNoise(): Promise<{ look(): void; end(): Promise<Noise> }> {
  const ticks = await readCpuTicks();
  const pressure = await readPressure();
  const begin = performance.now();
  const before = loadavg()[0] ?? 0;
  const spins = [spin()];
  return {
    look: () => spins.push(spin()),
    end: async () => {
      const waited = await readPressure();
      const elapsedUs = (performance.now() - begin) * 1e3;
      return {
        stealRatio: stealRatio(ticks, await readCpuTicks()),
        pressureRatio:
          pressure === null || waited === null ? null : (waited - pressure) / elapsedUs,
        loadAverage1: { before, after: loadavg()[0] ?? 0 },
        spinP99Ns: spins,
      };
    },
  };
}

const slices = 250;

/** p99, over slices of 1 ms, of the longest time that a loop which only reads the clock lost. */
function spin(): number {
  const longest: number[] = [];
  let last = performance.now();
  for (let slice = 0; slice < slices; slice++) {
    const end = last + 1;
    let gap = 0;
    while (last < end) {
      const now = performance.now();
      gap = Math.max(gap, now - last);
      last = now;
    }
    longest.push(gap);
  }
  return Math.round((quantile(longest, 0.99) ?? 0) * 1e6);
}

/** Time in which some task waited for a CPU since boot, µs (proc(5), pressure/cpu). */
async function readPressure(): Promise<number | null> {
  const text = await readFile('/proc/pressure/cpu', 'utf8').catch(() => '');
  const total = /^some .*total=(\d+)$/m.exec(text)?.[1];
  return total === undefined ? null : Number(total);
}

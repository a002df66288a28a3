import { readIfThere } from '../system-files.ts';
import { degraded, type Outcome, ok, type Prerequisite } from './prerequisite.ts';
import { asRoot } from './remedy.ts';

const dir = '/sys/devices/system/clocksource/clocksource0';
const lost = ['cheap time stamps: each one is a system call, which adds to every latency'];

/** Clock sources that user space reads from memory and a register, without a system call. */
const cheap = ['tsc', 'arch_sys_counter', 'kvm-clock', 'hyperv_clocksource_tsc_page'];

/** What the kernel counts CLOCK_MONOTONIC with. */
export const clocksource: Prerequisite = {
  id: 'clocksource',
  title: 'Clock source',
  lost,
  inspect: `cat ${dir}/current_clocksource ${dir}/available_clocksource`,
  async look() {
    const current = await readIfThere(`${dir}/current_clocksource`);
    const available = await readIfThere(`${dir}/available_clocksource`);
    return judgeClocksource(current ?? 'unknown', (available ?? '').split(' '));
  },
};

export function judgeClocksource(current: string, available: readonly string[]): Outcome {
  if (cheap.includes(current)) {
    return ok(current);
  }
  const better = cheap.find((name) => available.includes(name));
  return degraded(current, {
    lost,
    remedy:
      better === undefined
        ? `${clocksource.inspect} # offers none that is read without a system call: take another machine`
        : `echo ${better} | ${asRoot(`tee ${dir}/current_clocksource`)}`,
  });
}

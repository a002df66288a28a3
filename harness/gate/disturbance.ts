import type { Fitness } from '../host/host.ts';
import { formatNs } from '../lib/units.ts';

/** A hypervisor that takes more than this has left too little to compare. */
const mostSteal = 0.1;
/**
 * With more than this of all CPU time in foreign tasks, rounds show who got a turn rather than what
 * a request costs. Neighbours that keep every CPU half busy come to 0.5 and must be worked beside:
 * the three programs meet them alike.
 */
const mostForeign = 0.6;

const stealWarning = 0.02;
/** Below it lie what a quiet machine's own services take, and ticks that round. */
const foreignWarning = 0.1;
/**
 * The servers share CPUs and wait for each other too, so that this alone refuses nothing; above it
 * something waited most of the time.
 */
const stallWarning = 0.5;
const calibrationWarning = 0.1;

/** Why the machine was no witness of times; null where it was. */
export function machineFault(after: Fitness): string | null {
  const { stealRatio, foreignCpuRatio = null } = after;
  if (stealRatio > mostSteal) {
    return `the hypervisor took ${percent(stealRatio, 0)} of the CPU time meanwhile`;
  }
  return foreignCpuRatio !== null && foreignCpuRatio > mostForeign
    ? `other programs of this machine took ${percent(foreignCpuRatio, 0)} of the CPU time meanwhile; more than ${percent(mostForeign, 0)} leaves too little to compare`
    : null;
}

/** What a machine that others use, or that lost time, did around a unit; in words, for a person. */
export function machineWarnings(before: Fitness, after: Fitness): string[] {
  const { stealRatio, foreignCpuRatio, cpuStallRatio, runQueueNs } = after;
  const warnings: string[] = [];
  if (stealRatio > stealWarning) {
    warnings.push(`the hypervisor took ${percent(stealRatio, 1)} of the CPU time meanwhile`);
  }
  if ((foreignCpuRatio ?? 0) > foreignWarning) {
    warnings.push(
      `other programs of this machine took ${percent(foreignCpuRatio ?? 0, 0)} of the CPU time meanwhile`,
    );
  }
  if ((cpuStallRatio ?? 0) > stallWarning) {
    const together = runQueueNs == null ? '' : `, ${formatNs(runQueueNs)} by all together`;
    warnings.push(
      `some task, ours included, waited for a CPU in ${percent(cpuStallRatio ?? 0, 0)} of the time${together}`,
    );
  }
  const change = after.calibrationNs / before.calibrationNs;
  if (Math.abs(Math.log(change)) > calibrationWarning) {
    const word = change > 1 ? 'longer' : 'shorter';
    warnings.push(
      `a fixed piece of work took ${percent(Math.abs(change - 1), 0)} ${word} after than before`,
    );
  }
  return warnings;
}

function percent(ratio: number, digits: number): string {
  return `${(100 * ratio).toFixed(digits)} %`;
}

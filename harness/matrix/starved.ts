import type { MatrixDescription } from './description.ts';
import type { MatrixCell, ServerCell } from './matrix-report.ts';
import { busiestGenerator } from './rates.ts';
import type { MatrixRecord } from './record.ts';
import { cpusOf } from './ring-threads.ts';

/** A server that never waits for a disk takes all of its CPUs at saturation, if nobody else does. */
export const fullCpuShare = 0.8;

/**
 * CPUs that a server had at saturation (QPS × CPU per request) where they are fewer than it would have
 * taken: others had the rest, and its QPS are no capacity. Undefined where it had them, where the
 * generator or a disk explains it, and below saturation.
 */
export function starvedOf(
  { placement }: Pick<MatrixRecord, 'placement'>,
  { conditions }: Pick<MatrixDescription, 'conditions'>,
  cell: Pick<MatrixCell, 'percent' | 'condition'>,
  { qps, cpuNs, generatorBusy }: Pick<ServerCell, 'qps' | 'cpuNs' | 'generatorBusy'>,
): number | undefined {
  if (cell.percent !== null || conditions[cell.condition]?.deviceReads === 'every') {
    return undefined;
  }
  const cpus = ((qps?.center ?? 0) * (cpuNs?.center ?? 0)) / 1e9;
  const limited = (generatorBusy ?? 0) > busiestGenerator;
  const full = fullCpuShare * cpusOf(placement.servers).length;
  return cpus > 0 && cpus < full && !limited ? cpus : undefined;
}

import { release } from 'node:os';
import { ebpfLost } from './ebpf.ts';
import { degraded, type Outcome, ok, type Prerequisite } from './prerequisite.ts';
import { kernelCommand } from './remedy.ts';

/** First kernel with all that the probes need (minKernel in bpf/probes/<probe>/probe.json). */
const probesSince = [5, 15] as const;
/** First kernel where one link carries many uprobes and CAP_BPF with CAP_PERFMON is enough. */
const uprobeMultiSince = [6, 6] as const;

/** The kernel's version; whether the probes really attach is what the check `ebpf` sees. */
export const kernel: Prerequisite = {
  id: 'kernel',
  title: 'Kernel',
  lost: ebpfLost,
  inspect: 'uname -r',
  look: async () => judgeKernel(release()),
};

export function judgeKernel(version: string): Outcome {
  if (!isAtLeast(version, probesSince)) {
    const seen = `${version}, the probes need ${probesSince.join('.')}`;
    return degraded(seen, { lost: ebpfLost, remedy: kernelCommand() });
  }
  if (!isAtLeast(version, uprobeMultiSince)) {
    return ok(`${version}, before ${uprobeMultiSince.join('.')}: uprobes need root`);
  }
  return ok(version);
}

function isAtLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const match = /^(\d+)\.(\d+)/.exec(version);
  const [seenMajor, seenMinor] = [Number(match?.[1]), Number(match?.[2])];
  return seenMajor > major || (seenMajor === major && seenMinor >= minor);
}

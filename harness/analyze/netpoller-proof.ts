import type { ScenarioEvidence } from './evidence.ts';
import { viewRound } from './round-values.ts';

/**
 * Which netpoller a server really used, from system-call tracepoints over all observed windows:
 * epoll shows epoll_pwait and no io_uring_enter, io_uring the reverse.
 * @returns null where no window was probed
 */
export function pollerCalls(
  evidence: ScenarioEvidence,
  variant: string,
): { epoll: number; ioUring: number } | null {
  const probes = evidence.rounds.flatMap((round) => {
    const counts = viewRound(round, variant).probe?.syscalls;
    return counts ? [counts] : [];
  });
  const sum = (...names: string[]) =>
    probes.reduce((total, calls) => total + names.reduce((n, s) => n + (calls[s] ?? 0), 0), 0);
  return probes.length === 0
    ? null
    : { epoll: sum('epoll_pwait', 'epoll_pwait2', 'epoll_wait'), ioUring: sum('io_uring_enter') };
}

/**
 * Why the figures of a variant are not what its name says; null where the calls prove the netpoller
 * or nobody could look.
 */
export function netpollerContradiction(evidence: ScenarioEvidence, variant: string): string | null {
  const spec = evidence.plan.scenario.variants[variant];
  const calls = pollerCalls(evidence, variant);
  if (spec === undefined || !('netpoller' in spec) || calls === null) {
    return null;
  }
  const { epoll, ioUring } = calls;
  const proved =
    spec.netpoller === 'epoll' ? epoll > 0 && ioUring === 0 : ioUring > 0 && epoll === 0;
  return proved
    ? null
    : `netpoller ${spec.netpoller} is not proved: epoll_pwait ${epoll}, io_uring_enter ${ioUring} calls`;
}

import { type ByArm, eachArm } from '../../../scenario/arm.ts';
import { variates } from '../../model/variates.ts';
import {
  packRounds,
  type RecordedRounds,
  type RoundValues,
  type RoundWindows,
} from '../recorded-rounds.ts';

/** Rounds of equal programs, whose values scatter independently by `sd` in logarithms. */
export function equalRounds(count: number, { seed = 1n, sd = 0.005 } = {}): RoundWindows[] {
  const random = variates(seed);
  const scattered = (value: number) => value * Math.exp(sd * random.normal());
  const values = (): RoundValues => ({
    ...{ p50: scattered(60_000), p99: scattered(200_000), cpu: scattered(20_000) },
    ...{ requests: 2_500, mean: scattered(70_000), sd: 30_000 },
  });
  const window = (): ByArm<RoundValues> => eachArm(() => values());
  return Array.from({ length: count }, () => ({ mixed: window(), sliced: window() }));
}

/** The same as a line of a file. */
export function recordedRounds(
  rounds: readonly RoundWindows[],
  changes: Partial<Pick<RecordedRounds, 'host' | 'scenario' | 'world'>> = {},
): RecordedRounds {
  const about = { host: 'a'.repeat(12), scenario: 'io_uring/hello-http/epoll', world: 'quiet' };
  return packRounds(
    { date: '2026-01-01T00:00:00Z', ...about, ...changes } as Parameters<typeof packRounds>[0],
    rounds,
  );
}

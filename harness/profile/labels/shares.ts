import { framesOf, type Profile, sampleValue } from '../profile.ts';
import { labelGoroutine, labelOnCpu, running, unlabelled } from './label.ts';
import { isSchedulerStack, isToolStack } from './rules.ts';

/** A profile by label: what of it waits, or is the scheduler's, and how much of that has a name. */
export interface LabelShares {
  /** By label, `run` and `unlabelled` among them; the sum is `total`. */
  byLabel: Record<string, bigint>;
  /** Without what the profilers themselves take. */
  total: bigint;
  /** What the profilers themselves take. */
  tool: bigint;
  /** Of CPU time the scheduler's part, of goroutines those that do not run: what labels are for. */
  toLabel: bigint;
  /** The part of `toLabel` with a label other than `unlabelled` and `run`. */
  labelled: bigint;
}

/** @param kind what the samples are: CPU time, or goroutines where they stand */
export function labelShares(
  profile: Profile,
  column: number,
  kind: 'cpu' | 'goroutine',
): LabelShares {
  const shares: LabelShares = { byLabel: {}, total: 0n, tool: 0n, toLabel: 0n, labelled: 0n };
  for (let sample = 0; sample < profile.samples; sample++) {
    const names = framesOf(profile, sample).map(({ name }) => name);
    const value = sampleValue(profile, sample, column);
    if (isToolStack(names)) {
      shares.tool += value;
      continue;
    }
    const label = kind === 'cpu' ? labelOnCpu(names) : labelGoroutine(names);
    shares.byLabel[label] = (shares.byLabel[label] ?? 0n) + value;
    shares.total += value;
    if (kind === 'cpu' ? isSchedulerStack(names) : label !== running) {
      shares.toLabel += value;
      shares.labelled += label === unlabelled || label === running ? 0n : value;
    }
  }
  return shares;
}

import type { Observation } from '../analyze/observation.ts';
import { frameText, ownFrame, type Stack, type Stacks } from '../analyze/stacks.ts';
import { servesRequest } from '../analyze/waits.ts';
import { formatNs } from '../lib/units.ts';
import { claim } from './claim.ts';
import type { Evidence } from './finding.ts';

/**
 * What the mutex profile adds, where the program has switched it on: who held the locks that others
 * waited for. Nothing where it is off, or nobody waited.
 */
export function lockHolders({ runtime, windowNs }: Observation): Evidence[] {
  const top = largest(runtime.mutex?.stacks ?? []);
  if (runtime.mutex === null || top === undefined) {
    return [];
  }
  return [
    claim({
      source: 'mutex profile',
      quantity: 'lock-time',
      value: top.value,
      unit: 'ns',
      of: `${formatNs(runtime.mutex.total)} that goroutines waited for locks`,
      windowNs,
      says: `${formatNs(top.value)} waited for the lock that ${frameText(ownFrame(top))} gives back`,
      frames: top.frames.map((frame) => frameText(frame)),
    }),
  ];
}

/**
 * What the block profile adds, where the program has switched it on: how long requests waited on
 * channels. What else waits there, such as workers for work, is left out.
 */
export function channelBlocks({ runtime, windowNs }: Observation): Evidence[] {
  const own = onChannels(runtime.block).filter(servesRequest);
  const top = largest(own);
  if (top === undefined) {
    return [];
  }
  const total = own.reduce((sum, { value }) => sum + value, 0);
  return [
    claim({
      source: 'block profile',
      quantity: 'channel-time',
      value: top.value,
      unit: 'ns',
      of: `${formatNs(total)} that requests waited on channels`,
      windowNs,
      says: `requests waited ${formatNs(top.value)} at ${frameText(ownFrame(top))}`,
      frames: top.frames.map((frame) => frameText(frame)),
    }),
  ];
}

function onChannels(block: Stacks | null): readonly Stack[] {
  return (block?.stacks ?? []).filter(({ frames }) =>
    /^runtime\.(chanrecv|chansend|selectgo)/.test(frames[0]?.function ?? ''),
  );
}

/** Undefined where none is above 0. */
function largest(stacks: readonly Stack[]): Stack | undefined {
  return stacks.filter(({ value }) => value > 0).toSorted((a, b) => b.value - a.value)[0];
}

import type { Static, TSchema } from 'typebox';
import { checkJson } from '../lib/json.ts';
import type { ScenarioEvidence } from './evidence.ts';
import { viewRound } from './round-values.ts';

/**
 * What one probe of netprobe told of a variant in a form of its own, round by round.
 * @returns nothing for rounds without it
 * @throws PollgateError (invalid data) for another form
 */
export function probeDetails<T extends TSchema>(
  evidence: ScenarioEvidence,
  variant: string,
  [probe, schema]: readonly [name: string, schema: T],
): Static<T>[] {
  const source = { name: `the ${probe} in netprobe.json`, remedy: 'repeat the run' };
  return evidence.rounds.flatMap((round) => {
    const details = viewRound(round, variant).probe?.details?.[probe];
    return details === undefined ? [] : [checkJson(details, schema, source)];
  });
}

import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { Fingerprint } from '../host/host.ts';
import { causes } from '../scenario/cause.ts';

const Cause = Type.Enum([...causes]);

/** `trial.json`: what is to be tried, so that a run that was cut short can be gone on with. */
export const TrialRecord = Type.Object({
  schema: Type.Literal(1),
  runId: Type.String(),
  command: Type.String(),
  startedAt: Type.String(),
  fingerprint: Fingerprint,
  /** A neighbour kept one CPU busy throughout. */
  noise: Type.Boolean(),
  repeats: Type.Integer({ minimum: 1 }),
  seconds: Type.Integer({ minimum: 1 }),
  subjects: Type.Array(
    Type.Object({
      id: Type.String(),
      args: Type.Array(Type.String()),
      ratePerSec: Type.Integer({ minimum: 1 }),
      connections: Type.Integer({ minimum: 1 }),
      expect: Type.Array(Cause),
      kind: Type.Enum(['fault', 'twin', 'pair']),
    }),
  ),
  skipped: Type.Array(Type.Object({ name: Type.String(), why: Type.String() })),
});
export type TrialRecord = Static<typeof TrialRecord>;

export const trialFiles = {
  record: (dir: string) => join(dir, 'trial.json'),
  /** The directory of one diagnosis. */
  diagnosis: (dir: string, id: string, repeat: number) => join(dir, `${id}.${repeat}`),
} as const;

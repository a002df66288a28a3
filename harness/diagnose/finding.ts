import Type, { type Static } from 'typebox';
import { causes } from '../scenario/cause.ts';

const strict = { additionalProperties: false } as const;

/** What is needed to dispute a number. */
const ClaimCard = Type.Object(
  {
    quantity: Type.String(),
    value: Type.Number(),
    unit: Type.Enum(['ns', 'count', 'bytes', 'perSec']),
    of: Type.String(),
    sampling: Type.String(),
    windowNs: Type.Integer({ minimum: 0 }),
    frames: Type.Array(Type.String()),
  },
  strict,
);

/** One piece of evidence: where it comes from and what it says, as a sentence with figures. */
export const Evidence = Type.Object(
  {
    view: Type.Enum(['kernel', 'runtime', 'proc']),
    source: Type.String(),
    says: Type.String(),
    card: Type.Optional(ClaimCard),
  },
  strict,
);

/**
 * A root cause and how sure it is: `confirmed` by two independent views, `suspected` by one,
 * `ruled-out` where both looked and saw nothing, `unknown` where one of them could not look.
 */
export const Finding = Type.Object(
  {
    cause: Type.Enum([...causes]),
    variant: Type.String(),
    state: Type.Enum(['confirmed', 'suspected', 'ruled-out', 'unknown']),
    summary: Type.String(),
    evidence: Type.Array(Evidence),
    remedy: Type.String(),
  },
  strict,
);

export type Evidence = Static<typeof Evidence>;
export type Finding = Static<typeof Finding>;

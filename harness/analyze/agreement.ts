import Type, { type Static } from 'typebox';

/** One quantity from two independent sources, held against each other. */
export const Agreement = Type.Object(
  {
    variant: Type.String(),
    quantity: Type.String(),
    unit: Type.Enum(['ns', 'count']),
    first: Type.Object(
      { source: Type.String(), value: Type.Number() },
      { additionalProperties: false },
    ),
    second: Type.Object(
      { source: Type.String(), value: Type.Number() },
      { additionalProperties: false },
    ),
    /** Largest relative gap that still agrees: |first − second| / max(first, second). */
    tolerance: Type.Number({ minimum: 0 }),
    gap: Type.Number({ minimum: 0 }),
    /** Where the sources differ by design the gap is shown, not judged. */
    state: Type.Enum(['agree', 'disagree', 'shown']),
  },
  { additionalProperties: false },
);

export type Agreement = Static<typeof Agreement>;

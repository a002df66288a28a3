import Type, { type Static } from 'typebox';
import { Fingerprint } from '../host/host.ts';
import { Noise } from './noise.ts';

const strict = { additionalProperties: false };
const Text = Type.String();

/** What one generator gave in one round to one measurement. */
export const Reading = Type.Object(
  {
    measurement: Text,
    tool: Text,
    round: Type.Integer({ minimum: 1 }),
    /** Named figures; times in ns. Empty where it failed. */
    values: Type.Record(Text, Type.Number()),
    /** How it failed, or why it was not tried; empty where it did not. */
    failed: Text,
  },
  strict,
);
export type Reading = Static<typeof Reading>;

const ToolEntry = Type.Object(
  {
    id: Text,
    title: Text,
    loop: Type.Enum(['open', 'closed']),
    how: Text,
    /** Empty where it is not available. */
    version: Text,
    /** Why it is not available; empty where it is. */
    missing: Text,
  },
  strict,
);
export type ToolEntry = Static<typeof ToolEntry>;

/** One of our generator's own goals. */
const Target = Type.Object(
  {
    name: Text,
    goal: Text,
    seen: Text,
    /**
     * How the kernel scheduled our generator: fifo (real-time priority), other, or both; empty where
     * no run was made for the goal alone.
     */
    scheduling: Text,
    /** Null where this run cannot tell. */
    met: Type.Union([Type.Boolean(), Type.Null()]),
  },
  strict,
);
export type Target = Static<typeof Target>;

/** `result.json` of `npm run bench:load`; everything that is printed follows from it. */
export const LoadAccuracy = Type.Object(
  {
    schema: Type.Literal(1),
    runId: Text,
    /** What repeats it. */
    command: Text,
    startedAt: Text,
    durationNs: Type.Integer(),
    status: Type.Enum(['complete', 'interrupted', 'failed']),
    /** What ended it, where that was no interrupt; else empty. */
    failed: Text,
    version: Text,
    quick: Type.Boolean(),
    seed: Text,
    fingerprint: Fingerprint,
    /** The CPU of the server and that of the generators. */
    placement: Type.Object({ server: Type.Integer(), tool: Type.Integer() }, strict),
    noise: Noise,
    rounds: Type.Object({ planned: Type.Integer(), done: Type.Integer() }, strict),
    tools: Type.Array(ToolEntry),
    readings: Type.Array(Reading),
    targets: Type.Array(Target),
  },
  strict,
);
export type LoadAccuracy = Static<typeof LoadAccuracy>;

/** Why a run has no figure at all, a line each; null where it has one. */
export function whyNothing({
  readings,
  targets,
  tools,
}: Pick<LoadAccuracy, 'readings' | 'targets' | 'tools'>): string[] | null {
  // A goal that no run was made for, or whose run failed, has no scheduling.
  const measured =
    readings.some(({ values }) => Object.keys(values).length > 0) ||
    targets.some(({ scheduling }) => scheduling !== '');
  return measured
    ? null
    : [
        ...new Set([
          ...tools
            .filter((tool) => tool.missing !== '')
            .map((tool) => `${tool.id}: ${tool.missing}`),
          ...readings.map(
            (each) => `${each.tool}, ${each.measurement}: ${each.failed || 'no figure'}`,
          ),
          ...targets.map((target) => `${target.name}: ${target.seen}`),
        ]),
      ];
}

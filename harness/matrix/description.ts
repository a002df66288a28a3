import Type, { type Static } from 'typebox';
import { namePattern } from '../scenario/scenario.ts';

const strict = { additionalProperties: false } as const;
const Name = Type.String({ pattern: namePattern });
const Label = Type.String({ minLength: 1, maxLength: 80 });
const Percent = Type.Integer({ minimum: 5, maximum: 95 });
const Percents = Type.Array(Percent, { minItems: 1, uniqueItems: true });

/** One server of the matrix: a fixture of go-fixtures/cmd, built and started in one way. */
export const MatrixServer = Type.Object(
  {
    label: Label,
    fixture: Name,
    netpoller: Type.Enum(['epoll', 'io_uring'], {
      description: 'What Go’s runtime is built with; a loop of its own needs the stock one, epoll.',
    }),
    polls: Type.Optional(
      Type.Enum(['epoll', 'io_uring'], {
        description: 'What it waits with, where it has a loop of its own. Default: the netpoller.',
      }),
    ),
    args: Type.Optional(Type.Array(Type.String())),
    env: Type.Optional(
      Type.Record(Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_]*$' }), Type.String()),
    ),
    only: Type.Optional(
      Type.Array(Name, {
        minItems: 1,
        description: 'Conditions that it takes part in. Default: all.',
      }),
    ),
  },
  strict,
);

/** What the servers meet besides the load; every server gets its arguments. */
const Condition = Type.Object(
  {
    label: Label,
    args: Type.Optional(Type.Array(Type.String())),
    pages: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 16_777_216,
        description: 'Of the data file; block-4k only.',
      }),
    ),
    deviceReads: Type.Optional(
      Type.Enum(['none', 'every'], {
        description:
          'How many requests must reach the disk, by /proc/PID/io: the proof of the cache state.',
      }),
    ),
  },
  strict,
);

const MatrixLoad = Type.Union([
  Type.Object(
    {
      protocol: Type.Literal('block-4k'),
      requestTimeoutMs: Type.Integer({ minimum: 10, maximum: 60_000 }),
    },
    strict,
  ),
  Type.Object(
    {
      protocol: Type.Literal('http1'),
      path: Type.String({ pattern: '^/[!-~]*$' }),
      requestTimeoutMs: Type.Integer({ minimum: 10, maximum: 60_000 }),
    },
    strict,
  ),
]);

const WindowMs = Type.Integer({ minimum: 300, maximum: 60_000 });

export const MatrixRounds = Type.Object(
  {
    count: Type.Integer({ minimum: 1, maximum: 50 }),
    warmupMs: Type.Integer({ minimum: 100, maximum: 60_000 }),
    saturationMs: WindowMs,
    openMs: WindowMs,
    observedCount: Type.Integer({
      minimum: 0,
      maximum: 50,
      description:
        'So many of the open-loop rounds end with a window in which probes are attached.',
    }),
  },
  strict,
);

/** Two servers that are held against each other; each ratio is `of` ÷ `to`. */
const ServerPair = Type.Object({ label: Label, of: Name, to: Name }, strict);

/** What somebody has said, in a form that can be tested. */
export const Claim = Type.Object(
  {
    says: Type.String({ minLength: 1, description: 'In the words of the claim.' }),
    quantity: Type.Enum([
      ...['qps-ratio', 'p99-ratio', 'p99', 'wakeup-p50', 'wakeup-p99', 'wakeup-max'],
    ]),
    /** A pair for a ratio, a server for a time. */
    of: Name,
    value: Type.Number({
      exclusiveMinimum: 0,
      description: 'A ratio, or ns.',
    }),
    holds: Type.Enum(['at-least', 'at-most', 'about']),
    tolerancePercent: Type.Number({ minimum: 0, maximum: 100 }),
    connections: Type.Optional(
      Type.Array(Type.Integer({ minimum: 1 }), {
        minItems: 1,
        description:
          'What the claim says of connections; other cells do not test it. Default: any.',
      }),
    ),
  },
  strict,
);

/** scenarios/<suite>/<id>.matrix.json */
export const MatrixDescription = Type.Object(
  {
    $schema: Type.Optional(Type.String()),
    title: Type.String({ minLength: 1 }),
    question: Type.String({ minLength: 1 }),
    servers: Type.Record(Name, MatrixServer, { ...strict, minProperties: 2, maxProperties: 16 }),
    reference: Type.String({ pattern: namePattern }),
    control: Type.String({
      pattern: namePattern,
      description: 'The reference once more under another name: what differs is the machine.',
    }),
    conditions: Type.Record(Name, Condition, { ...strict, minProperties: 1, maxProperties: 8 }),
    connections: Type.Array(Type.Integer({ minimum: 1, maximum: 16_000 }), {
      minItems: 1,
      uniqueItems: true,
    }),
    load: MatrixLoad,
    loadPercents: Percents,
    fullLoadPercents: Percents,
    rounds: MatrixRounds,
    quick: MatrixRounds,
    probes: Type.Array(Type.String(), { minItems: 1, uniqueItems: true }),
    observedRequests: Type.Integer({
      minimum: 100,
      maximum: 1_000_000,
      description: 'Requests of an observed window, at the lowest load.',
    }),
    pairs: Type.Record(Name, ServerPair, { ...strict, minProperties: 1 }),
    claims: Type.Record(Name, Claim, strict),
  },
  strict,
);

export type MatrixServer = Static<typeof MatrixServer>;
export type MatrixRounds = Static<typeof MatrixRounds>;
export type Claim = Static<typeof Claim>;
export type MatrixDescription = Static<typeof MatrixDescription>;

/** A description with the place that it came from. */
export interface LoadedMatrix {
  suite: string;
  id: string;
  description: MatrixDescription;
}

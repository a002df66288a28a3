import Type, { type Static, type TSchema } from 'typebox';

/** Names become file names and HDR log tags, so they are kept to what is safe in both. */
export const namePattern = '^[a-z0-9][a-z0-9_-]{0,63}$';
const Name = Type.String({ pattern: namePattern });

/** Of a URL path: what cannot break the request line, as in go-fixtures/internal/loadgen/spec. */
const pathPattern = '^/[!-~]*$';

const strict = { additionalProperties: false } as const;

const ServerOptions = {
  args: Type.Optional(
    Type.Array(Type.String(), {
      description: 'Command-line arguments. {port} stands for the port that the harness chose.',
    }),
  ),
  env: Type.Optional(
    Type.Record(Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_]*$' }), Type.String()),
  ),
};

/** One of the servers under go-fixtures/cmd, held to the fixture contract. */
export const FixtureVariant = Type.Object(
  {
    fixture: Name,
    netpoller: Type.Enum(['epoll', 'io_uring'], {
      description: 'epoll: the stock runtime. io_uring: the same source, the netpoller replaced.',
    }),
    ...ServerOptions,
  },
  strict,
);

/** Any Go program of the user's own; it needs to know nothing of pollgate. */
export const PackageVariant = Type.Object(
  {
    package: Type.Object(
      {
        moduleDir: Type.String({
          description: 'Folder of its go.mod, relative to the scenario file.',
        }),
        path: Type.String({
          // A leading - would be a flag to the go command.
          pattern: '^[^-]',
          description: 'Package inside the module, such as ./cmd/server.',
        }),
      },
      strict,
    ),
    ready: Type.Object(
      {
        httpPath: Type.Optional(
          Type.String({
            pattern: pathPattern,
            description: 'Ready when a GET answers 2xx; without it: when the TCP port accepts.',
          }),
        ),
        timeoutMs: Type.Integer({ minimum: 1, maximum: 60_000 }),
      },
      strict,
    ),
    pprofPath: Type.Optional(
      Type.String({
        pattern: pathPattern,
        description: 'Where net/http/pprof answers on the same port, such as /debug/pprof/.',
      }),
    ),
    ...ServerOptions,
  },
  strict,
);

export const Variant = Type.Union([FixtureVariant, PackageVariant]);

const maxRatePerSec = 1_000_000;
const StretchMs = Type.Integer({ minimum: 1, maximum: 600_000 });

/** When requests are due; all but a recording are drawn or counted out from the round's seed. */
const Arrivals = Type.Union(
  [
    Type.Object({ kind: Type.Literal('poisson') }, strict),
    Type.Object({ kind: Type.Literal('constant') }, strict),
    Type.Object(
      { kind: Type.Literal('on-off'), onMs: StretchMs, offMs: StretchMs },
      { ...strict, description: 'Poisson while on, nothing while off; ratePerSec in the mean.' },
    ),
    Type.Object(
      {
        kind: Type.Literal('ramp'),
        toRatePerSec: Type.Number({ minimum: 1, maximum: maxRatePerSec }),
      },
      { ...strict, description: 'Poisson, from ratePerSec to toRatePerSec in each window.' },
    ),
    Type.Object(
      {
        kind: Type.Literal('replay'),
        file: Type.String({
          minLength: 1,
          description:
            'Recording, relative to the scenario file: a line "atNs" per request, ascending; # comments.',
        }),
      },
      { ...strict, description: 'Each window plays the recording from its beginning.' },
    ),
  ],
  { description: 'When requests are due. Default: poisson.' },
);

const LoadCommon = {
  connectionsPerVariant: Type.Integer({ minimum: 1, maximum: 16_000 }),
  ratePerSec: Type.Optional(
    Type.Number({
      minimum: 1,
      maximum: maxRatePerSec,
      description:
        'Requests per second of the generator over all variants together; with a replay there is none.',
    }),
  ),
  arrivals: Type.Optional(Arrivals),
  interleave: Type.Enum(['slice', 'request', 'run'], {
    description:
      'slice: variants take turns (two of them ABBA, more of them round and round); request: each request goes to a random variant; run: two long turns each (ABBA), connected only during them.',
  }),
  sliceMs: Type.Integer({ minimum: 10, maximum: 1000 }),
  requestTimeoutMs: Type.Integer({ minimum: 10, maximum: 60_000 }),
};

const HttpLoad = Type.Object(
  {
    protocol: Type.Literal('http1'),
    method: Type.Enum(['GET', 'HEAD', 'OPTIONS', 'DELETE', 'POST', 'PUT', 'PATCH']),
    body: Type.Optional(
      Type.String({
        description:
          'Of every request, up to 1 MiB; POST, PUT and PATCH only, where the default is an empty one.',
      }),
    ),
    path: Type.String({ pattern: pathPattern }),
    headers: Type.Optional(Type.Record(Type.String(), Type.String({ pattern: '^[\\t -~]*$' }))),
    expectStatus: Type.Integer({ minimum: 200, maximum: 599 }),
    ...LoadCommon,
  },
  strict,
);

const BlockLoad = Type.Object(
  {
    protocol: Type.Literal('block-4k'),
    pages: Type.Integer({
      minimum: 1,
      maximum: 16_777_216,
      description: 'Pages of 4,096 bytes in the data file.',
    }),
    ...LoadCommon,
  },
  strict,
);

export const Load = Type.Union([HttpLoad, BlockLoad]);

/** Between the attaching of the probes and the observed window the load goes on for this long. */
export const settleMs = 300;

export const Rounds = Type.Object(
  {
    count: Type.Integer({ minimum: 1, maximum: 100 }),
    warmupMs: Type.Integer({ minimum: 0, maximum: 60_000 }),
    unobservedMs: Type.Integer({
      minimum: 500,
      maximum: 600_000,
      description: 'Window that latency and CPU verdicts read.',
    }),
    observedMs: Type.Integer({
      minimum: 500,
      maximum: 60_000,
      description: 'Window with probes and profiles attached.',
    }),
  },
  strict,
);

/** An absolute limit: a number is the fail level alone. */
const budget = <Level extends TSchema>(level: Level) =>
  Type.Union([
    level,
    Type.Object(
      { warn: Type.Optional(level), fail: Type.Optional(level) },
      {
        ...strict,
        minProperties: 1,
        description: 'Beyond warn is shown, beyond fail is exit code 1; warn is the stricter one.',
      },
    ),
  ]);

/** What is held against the committed baseline and against an absolute budget, per metric. */
export const Gate = Type.Object(
  {
    regressionLimitPercent: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 1000,
        description: 'A change for the worse beyond this is a regression.',
      }),
    ),
    maxNs: Type.Optional(budget(Type.Integer({ minimum: 1 }))),
    maxCount: Type.Optional(budget(Type.Number({ minimum: 0 }))),
  },
  { ...strict, minProperties: 1 },
);

/** Other levels of one budget for runs on one branch, for a reason and for a time. */
const BudgetOverride = Type.Object(
  {
    branch: Type.String({ minLength: 1, description: 'Name of the branch, as git has it.' }),
    variant: Type.Optional(Name),
    metric: Type.String({ description: 'Metric id; the gate of it has a budget.' }),
    warn: Type.Optional(Type.Number({ minimum: 0 })),
    fail: Type.Optional(Type.Number({ minimum: 0 })),
    reason: Type.String({ minLength: 10, description: 'Stands beside the verdict.' }),
    expires: Type.String({
      pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$',
      description: 'Last day (UTC) on which a run may begin under it, YYYY-MM-DD.',
    }),
  },
  { ...strict, description: 'Levels that are not named stay as they are in the gate.' },
);

/** What `npm run gate` holds a change against, beside the base that it was made from. */
const MergeGate = Type.Object(
  {
    variants: Type.Optional(
      Type.Array(Name, {
        minItems: 1,
        uniqueItems: true,
        description: 'Variants that are compared with their own base. Default: the reference.',
      }),
    ),
    limitPercent: Type.Record(Type.String(), Type.Number({ exclusiveMinimum: 0, maximum: 1000 }), {
      minProperties: 1,
      description: 'Metric id to the change for the worse that may not be.',
    }),
  },
  {
    ...strict,
    description:
      'The scenario belongs to the gate of pull requests: npm run gate -- --base <revision>.',
  },
);

export const Scenario = Type.Object(
  {
    $schema: Type.Optional(Type.String()),
    title: Type.String({ minLength: 1 }),
    question: Type.String({
      minLength: 1,
      description: 'The question that the run answers, as a sentence.',
    }),
    // The eBPF collector watches up to 8 processes (bpf/internal/target).
    variants: Type.Record(Name, Variant, { ...strict, minProperties: 1, maxProperties: 8 }),
    reference: Type.String({
      pattern: namePattern,
      description: 'The variant that the others are compared with.',
    }),
    load: Load,
    closedLoop: Type.Optional(
      Type.Object(
        {
          connections: Type.Integer({ minimum: 1, maximum: 1000 }),
          durationMs: Type.Integer({ minimum: 1000, maximum: 60_000 }),
        },
        {
          ...strict,
          description: 'autocannon in closed loop, for the throughput figure (http1 only).',
        },
      ),
    ),
    rounds: Rounds,
    quick: Type.Object(
      { ...Rounds.properties },
      { ...strict, description: 'The rounds of a --quick run: a look, not a measurement.' },
    ),
    probes: Type.Optional(
      Type.Enum(['kernel', 'runtime', 'full'], {
        description:
          'What the observed window watches: system calls, descriptors and connections (kernel); the Go scheduler too (runtime, the default); or every request as well (full).',
      }),
    ),
    gates: Type.Record(Type.String(), Gate, {
      description: 'Metric id to limits; the ids are listed in harness/scenario/metric.ts.',
    }),
    budgetOverrides: Type.Optional(
      Type.Array(BudgetOverride, { description: 'Budgets that differ on a branch for a while.' }),
    ),
    gate: Type.Optional(MergeGate),
    expect: Type.Optional(
      Type.Record(Name, Type.Array(Name), {
        ...strict,
        description: 'Findings that must be confirmed per variant: exactly these and no others.',
      }),
    ),
  },
  strict,
);

export type Scenario = Static<typeof Scenario>;
export type Variant = Static<typeof Variant>;
export type FixtureVariant = Static<typeof FixtureVariant>;
export type PackageVariant = Static<typeof PackageVariant>;
export type Load = Static<typeof Load>;
export type Rounds = Static<typeof Rounds>;
export type Gate = Static<typeof Gate>;
export type BudgetOverride = Static<typeof BudgetOverride>;

/** A scenario with the place it came from. */
export interface LoadedScenario {
  suite: string;
  id: string;
  /** Absolute path of the file. */
  path: string;
  scenario: Scenario;
  /** What it replays, if it does. */
  recording?: Recording;
}

/** A recording of requests as it was when the scenario was read. */
export interface Recording {
  /** Absolute. */
  path: string;
  sha256: string;
}

export function isFixture(variant: Variant): variant is FixtureVariant {
  return 'fixture' in variant;
}

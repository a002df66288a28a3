import Type, { type Static } from 'typebox';
import { deviationKinds, remarkKinds } from './compare.ts';
import { endings, TestCounts } from './events.ts';

const strict = { additionalProperties: false };
const Text = Type.String();
const Times = Type.Integer({ minimum: 0 });

const differenceOf = (kinds: readonly string[]) =>
  Type.Object(
    {
      /** Of the test; '' for the package. */
      test: Text,
      kind: Type.Enum([...kinds]),
      stock: TestCounts,
      experiment: TestCounts,
    },
    strict,
  );

/** What one side made of a package, over all turns. */
export const SideResult = Type.Object(
  {
    /** As `go version` says of the test program: go1.26.8, go1.26.8-X:io_uring. */
    builtWith: Text,
    /** Top-level tests and subtests: by name, and by the worst that became of them. */
    passed: Times,
    failed: Times,
    skipped: Times,
    /** How the process ended, one a turn. */
    endings: Type.Array(Type.Enum([...endings])),
    /** Time of all turns, compiling included, ns. */
    durationNs: Type.Number({ minimum: 0 }),
    /** Words of what failed, the first of them. */
    said: Type.Array(Text),
  },
  strict,
);
export type SideResult = Static<typeof SideResult>;

export const PackageResult = Type.Object(
  {
    package: Text,
    /** How often each side ran every test. */
    count: Type.Integer({ minimum: 1 }),
    short: Type.Boolean(),
    /** -run, '' for all tests. */
    run: Text,
    /** After which a turn hangs. */
    timeoutMs: Type.Integer({ minimum: 1 }),
    stock: SideResult,
    experiment: SideResult,
    deviations: Type.Array(differenceOf(deviationKinds)),
    remarks: Type.Array(differenceOf(remarkKinds)),
  },
  strict,
);
export type PackageResult = Static<typeof PackageResult>;

/** result.json of `npm run toolchain -- --test`. */
export const ToolchainTest = Type.Object(
  {
    schema: Type.Literal(1),
    runId: Text,
    command: Text,
    startedAt: Text,
    durationNs: Type.Number({ minimum: 0 }),
    status: Type.Enum(['complete', 'interrupted', 'failed']),
    /** Such as go1.26.8. */
    goVersion: Text,
    kernel: Text,
    cpus: Type.Integer({ minimum: 1 }),
    packages: Type.Array(PackageResult),
  },
  strict,
);
export type ToolchainTest = Static<typeof ToolchainTest>;

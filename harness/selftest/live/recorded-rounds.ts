import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { type Arm, arms, type ByArm, eachArm, type GateMode } from '../../scenario/arm.ts';
import { fiveDigits } from './digits.ts';
import { appendJsonLine, readJsonLines } from './json-lines.ts';
import { type LiveWorld, liveWorlds } from './knobs.ts';

const strict = { additionalProperties: false } as const;
const Values = Type.Array(Type.Union([Type.Number({ exclusiveMinimum: 0 }), Type.Null()]));
const ByArmValues = Type.Object({ base: Values, control: Values, head: Values }, strict);
const BothWindows = Type.Object({ mixed: ByArmValues, sliced: ByArmValues }, strict);

/**
 * The rounds of one decision on equal programs: a line of rounds/<scenario>-<world>.jsonl. A value a
 * round, null where it may not be used; five significant digits; times in ns.
 */
export const RecordedRounds = Type.Object(
  {
    schema: Type.Literal(1),
    /** Of the decision in log.jsonl. */
    date: Type.String(),
    host: Type.String(),
    scenario: Type.String(),
    world: Type.Enum([...liveWorlds]),
    p50: BothWindows,
    p99: BothWindows,
    cpu: BothWindows,
    requests: BothWindows,
    /** Of the latencies; what autocannon-compare looks at. */
    mean: Type.Object({ sliced: ByArmValues }, strict),
    sd: Type.Object({ sliced: ByArmValues }, strict),
  },
  strict,
);
export type RecordedRounds = Static<typeof RecordedRounds>;

/** What one program showed in one window of one round; null: not usable. */
export interface RoundValues {
  p50: number | null;
  p99: number | null;
  /** CPU time per request. */
  cpu: number | null;
  requests: number | null;
  mean: number | null;
  sd: number | null;
}

export type RoundWindows = Record<GateMode, ByArm<RoundValues>>;

type About = Pick<RecordedRounds, 'date' | 'host' | 'scenario' | 'world'>;

/** The compact form, columns instead of rows. */
export function packRounds(about: About, rounds: readonly RoundWindows[]): RecordedRounds {
  const column = (mode: GateMode, key: keyof RoundValues, arm: Arm) =>
    rounds.map((round) => {
      const value = round[mode][arm][key];
      return value !== null && value > 0 && Number.isFinite(value) ? fiveDigits(value) : null;
    });
  const of = (mode: GateMode, key: keyof RoundValues) => eachArm((arm) => column(mode, key, arm));
  const both = (key: keyof RoundValues) => ({ mixed: of('mixed', key), sliced: of('sliced', key) });
  return {
    ...{ schema: 1, ...about },
    ...{ p50: both('p50'), p99: both('p99'), cpu: both('cpu'), requests: both('requests') },
    ...{ mean: { sliced: of('sliced', 'mean') }, sd: { sliced: of('sliced', 'sd') } },
  };
}

/** The rows again, as many as all columns have. */
export function unpackRounds(recorded: RecordedRounds): RoundWindows[] {
  const { p50, p99, cpu, requests, mean, sd } = recorded;
  const windows = (mode: GateMode, index: number) =>
    eachArm((arm): RoundValues => {
      const at = (columns: ByArm<(number | null)[]> | undefined) => columns?.[arm][index] ?? null;
      return {
        ...{ p50: at(p50[mode]), p99: at(p99[mode]), cpu: at(cpu[mode]) },
        requests: at(requests[mode]),
        mean: mode === 'sliced' ? at(mean.sliced) : null,
        sd: mode === 'sliced' ? at(sd.sliced) : null,
      };
    });
  const count = Math.min(...arms.map((arm) => requests.sliced[arm].length));
  return Array.from({ length: count }, (_, index) => ({
    mixed: windows('mixed', index),
    sliced: windows('sliced', index),
  }));
}

/** «io_uring/hello-http/epoll» in the world quiet: «io_uring.hello-http.epoll-quiet.jsonl». */
function fileName(scenario: string, world: LiveWorld): string {
  return `${scenario.replaceAll('/', '.')}-${world}.jsonl`;
}

/** Of all files together; the clone is not an archive. */
const mostBytes = 300_000;

/** @returns whether it was kept; false where the folder is full */
export async function appendRounds(dir: string, recorded: RecordedRounds): Promise<boolean> {
  const names = await listFiles(dir);
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(dir, name))).size));
  const taken = sizes.reduce((sum, size) => sum + size, 0);
  if (taken + JSON.stringify(recorded).length > mostBytes) {
    return false;
  }
  await appendJsonLine(join(dir, fileName(recorded.scenario, recorded.world)), recorded);
  return true;
}

/** Everything that was recorded, in the order of the files' names and of their lines. */
export async function readRounds(dir: string): Promise<RecordedRounds[]> {
  const all: RecordedRounds[] = [];
  for (const name of await listFiles(dir)) {
    all.push(...(await readJsonLines(join(dir, name), RecordedRounds)));
  }
  return all;
}

async function listFiles(dir: string): Promise<string[]> {
  const names = await readdir(dir).catch(() => []);
  return names.filter((name) => name.endsWith('.jsonl')).sort();
}

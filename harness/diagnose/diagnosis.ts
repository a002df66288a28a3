import Type, { type Static } from 'typebox';
import { Flame, flamesOfProcess } from '../analyze/flames.ts';
import { probeValueAt } from '../analyze/histogram.ts';
import type { Observation } from '../analyze/observation.ts';
import { type SlowTurn, slowTurnsOf } from '../analyze/slow-turns.ts';
import { frameText, ownFrame, placeOf, type Stacks } from '../analyze/stacks.ts';
import { servesRequest, type Wait, waitsOf } from '../analyze/waits.ts';
import { causes } from '../scenario/cause.ts';
import { cpusAllowed, cpusUsed } from './cpu.ts';
import { Finding } from './finding.ts';
import { rankCauses } from './root-causes.ts';
import type { RankedFinding } from './rule.ts';

const strict = { additionalProperties: false } as const;
const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const Count = Type.Integer({ minimum: 0 });

const DiagnosisFinding = Type.Object(
  {
    ...Finding.properties,
    /** The confirmed cause that brings this about; absent for a root cause. */
    consequenceOf: Type.Optional(Type.Enum([...causes])),
    weight: Type.Number({
      minimum: 0,
      description: 'Share of what the process does or suffers that the cause explains.',
    }),
  },
  strict,
);

const Hot = Type.Object({ place: Type.String(), share: Type.Number() }, strict);

/** Times in ns. */
const SlowRow = Type.Object(
  {
    goroutine: Count,
    place: Type.String(),
    durationNs: Count,
    runnableNs: Count,
    runningNs: Count,
    callNs: Count,
    blocked: Type.Array(
      Type.Object({ reason: Type.String(), place: Type.String(), ns: Count }, strict),
    ),
    /** The kernel’s view of the wake-up that began it; null if it is not among those told. */
    wakeup: Nullable(Type.Object({ waitPNs: Count, waitCpuNs: Count }, strict)),
    calls: Type.Array(
      Type.Object({ call: Type.String(), fileKind: Type.String(), ns: Count }, strict),
    ),
  },
  strict,
);

/** A diagnosis of one process: everything that a renderer needs. */
export const Diagnosis = Type.Object(
  {
    schema: Type.Literal(1),
    runId: Type.String(),
    command: Type.String(),
    startedAt: Type.String(),
    target: Type.Object(
      {
        pid: Count,
        exe: Type.String(),
        commandLine: Type.String(),
        goVersion: Nullable(Type.String()),
      },
      strict,
    ),
    host: Type.String(),
    windowNs: Type.Number({ minimum: 0 }),
    endedBy: Type.String(),
    headline: Type.String(),
    findings: Type.Array(DiagnosisFinding),
    /** What could not be taken or read, and why. */
    missing: Type.Array(Type.String()),
    vitals: Type.Object(
      {
        cpusUsed: Nullable(Type.Number()),
        cpusAllowed: Nullable(Type.Number()),
        threads: Nullable(Count),
        residentBytes: Nullable(Count),
        descriptors: Nullable(Count),
        goroutines: Nullable(Count),
        requestsUnderWay: Nullable(Type.Number()),
      },
      strict,
    ),
    /** Of the target's CPU time, estimated from below; null where nothing watched. */
    cost: Type.Object({ kernel: Nullable(Type.Number()), slice: Nullable(Type.Number()) }, strict),
    calls: Type.Array(Type.Object({ name: Type.String(), perSec: Type.Number() }, strict)),
    times: Type.Array(
      Type.Object(
        { name: Type.String(), count: Count, p50Ns: Count, p99Ns: Count, maxNs: Count },
        strict,
      ),
    ),
    cpu: Type.Array(Hot),
    flames: Type.Array(Flame),
    /** The slowest turns (requests, in a server) of the execution trace; null where it tells none. */
    slowest: Nullable(
      Type.Object(
        {
          /** Of all turns: ns. */
          turns: Type.Object({ count: Count, p50Ns: Count, p99Ns: Count, maxNs: Count }, strict),
          /** Why the kernel’s view is not joined; empty if it is. */
          apart: Type.String(),
          rows: Type.Array(SlowRow),
        },
        strict,
      ),
    ),
    waits: Type.Array(
      Type.Object(
        {
          kind: Type.String(),
          goroutines: Type.Number(),
          place: Type.String(),
          inRequest: Type.Boolean(),
        },
        strict,
      ),
    ),
  },
  strict,
);
export type Diagnosis = Static<typeof Diagnosis>;

const mostRows = 12;
/** Of all flame graphs together. */
const mostNodes = 12_000;

/** Pure: the same directory gives the same diagnosis. */
export function diagnoseProcess(seen: Observation, runId: string): Diagnosis {
  const { record, proc, kernel, scheduler, runtime } = seen;
  const name = baseName(record.target.exe);
  const findings = rankCauses(seen, name);
  const waits = waitsOf(runtime.goroutines);
  const underWay = waits.filter(servesRequest);
  return {
    schema: 1,
    runId,
    command: record.command,
    startedAt: record.startedAt,
    target: { ...record.target, goVersion: seen.goVersion },
    host: `${record.kernel} ${record.machine}`,
    windowNs: seen.windowNs,
    endedBy: record.endedBy,
    headline: headlineOf(findings, name),
    findings,
    missing: [
      ...record.stages
        .filter(({ status }) => status !== 'done')
        .map(({ name: stage, reason }) => `${stage}: ${reason}`),
      ...seen.damaged,
    ],
    vitals: {
      cpusUsed: cpusUsed(seen),
      cpusAllowed: cpusAllowed(seen),
      threads: proc?.end.threads.length ?? null,
      residentBytes: proc?.end.residentBytes ?? null,
      descriptors: proc?.end.descriptors
        ? Object.values(proc.end.descriptors).reduce((sum, count) => sum + count, 0)
        : null,
      goroutines: runtime.goroutines.at(-1)?.total ?? null,
      requestsUnderWay:
        runtime.goroutines.length === 0
          ? null
          : underWay.reduce((sum, wait) => sum + wait.goroutines, 0),
    },
    cost: {
      kernel: costOf(kernel?.probe.cost),
      slice: costOf(scheduler?.probe.cost),
    },
    calls: Object.entries(kernel?.probe.syscalls ?? {})
      .map(([call, count]) => ({ name: call, perSec: count / ((kernel?.windowNs ?? 1) / 1e9) }))
      .sort((a, b) => b.perSec - a.perSec)
      .slice(0, mostRows),
    times: timesOf(seen),
    cpu: runtime.cpu === null ? [] : hotPlaces(runtime.cpu),
    flames: flamesOfProcess(name, runtime.profiles, mostNodes),
    slowest: slowestOf(seen),
    waits: waits.slice(0, mostRows).map(waitRow),
  };
}

function headlineOf(findings: readonly RankedFinding[], name: string): string {
  const [first] = findings;
  const confirmed = findings.filter(
    ({ state, consequenceOf }) => state === 'confirmed' && consequenceOf === undefined,
  );
  if (confirmed.length > 0) {
    return `${name}: ${confirmed.map(({ cause }) => cause).join(', ')} confirmed by both views`;
  }
  if (first?.state === 'suspected') {
    const suspected = findings.filter(({ state }) => state === 'suspected');
    return `${name}: no cause confirmed; suspected: ${suspected.map(({ cause }) => cause).join(', ')}`;
  }
  const unknown = findings.filter(({ state }) => state === 'unknown').length;
  return unknown === 0
    ? `${name}: none of ${findings.length} known causes`
    : `${name}: no cause found; ${unknown} of ${findings.length} could not be looked for`;
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function costOf(cost: { cpuNs: number; estimatedNs: number | null } | null | undefined) {
  return !cost || cost.estimatedNs === null || cost.cpuNs === 0
    ? null
    : cost.estimatedNs / cost.cpuNs;
}

function timesOf({ kernel, scheduler }: Observation): Diagnosis['times'] {
  const all = { ...kernel?.probe.histograms, ...pick(scheduler?.probe.histograms ?? {}) };
  return Object.entries(all)
    .flatMap(([name, histogram]) =>
      !histogram || histogram.count === 0 || !name.endsWith('Ns')
        ? []
        : [
            {
              name: name.slice(0, -2),
              count: histogram.count,
              p50Ns: probeValueAt(histogram, 0.5) ?? 0,
              p99Ns: probeValueAt(histogram, 0.99) ?? 0,
              maxNs: histogram.max,
            },
          ],
    )
    .sort((a, b) => b.p99Ns * b.count - a.p99Ns * a.count)
    .slice(0, 2 * mostRows);
}

/** Only what the slice alone has: the rest is of the whole window. */
function pick<T>(histograms: Record<string, T>): Record<string, T> {
  return Object.fromEntries(
    Object.entries(histograms).filter(([name]) =>
      /^(wakeup|goroutine|handoff|netpollLoop|tls)/.test(name),
    ),
  );
}

function hotPlaces(cpu: Stacks): Diagnosis['cpu'] {
  const places = new Map<string, number>();
  for (const stack of cpu.stacks) {
    const place = frameText(ownFrame(stack) ?? stack.frames[0]);
    places.set(place, (places.get(place) ?? 0) + stack.value);
  }
  return [...places]
    .map(([place, value]) => ({ place, share: cpu.total > 0 ? value / cpu.total : 0 }))
    .sort((a, b) => b.share - a.share)
    .slice(0, mostRows);
}

function slowestOf(seen: Observation): Diagnosis['slowest'] {
  const slow = slowTurnsOf(seen);
  const all = seen.runtime.trace?.turns?.durationNs;
  return slow === null || all === undefined
    ? null
    : {
        turns: { count: all.count, p50Ns: all.p50, p99Ns: all.p99, maxNs: all.max },
        apart: slow.apart,
        rows: slow.turns.slice(0, mostRows).map(slowRow),
      };
}

function slowRow({
  turn,
  wakeup,
  calls,
}: SlowTurn): NonNullable<Diagnosis['slowest']>['rows'][number] {
  const inState = (state: string) =>
    turn.parts
      .filter((part) => part.state === state)
      .reduce((sum, { beginNs, endNs }) => sum + endNs - beginNs, 0);
  const blocked = new Map<string, { reason: string; place: string; ns: number }>();
  for (const { state, reason, stack, beginNs, endNs } of turn.parts) {
    if (state === 'blocked') {
      const place = placeOf(stack);
      const known = blocked.get(`${reason} ${place}`) ?? { reason, place, ns: 0 };
      known.ns += endNs - beginNs;
      blocked.set(`${reason} ${place}`, known);
    }
  }
  return {
    goroutine: turn.goroutine,
    place: placeOf(turn.place),
    durationNs: turn.endNs - turn.beginNs,
    runnableNs: inState('runnable'),
    runningNs: inState('running'),
    callNs: inState('syscall'),
    blocked: [...blocked.values()].sort((a, b) => b.ns - a.ns),
    wakeup: wakeup && { waitPNs: wakeup.waitPNs, waitCpuNs: wakeup.waitCpuNs },
    calls: calls.map(({ call, fileKind, durationNs }) => ({ call, fileKind, ns: durationNs })),
  };
}

function waitRow(wait: Wait): Diagnosis['waits'][number] {
  return {
    kind: wait.kind,
    goroutines: wait.goroutines,
    place: frameText(ownFrame(wait) ?? wait.frames.at(-2) ?? wait.frames[0]),
    inRequest: servesRequest(wait),
  };
}

import { access, readdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { rootDir } from '../lib/paths.ts';
import { budgetErrors } from './budget-errors.ts';
import { isSuiteCause, suiteCauses } from './cause.ts';
import { isMetricId, type MetricId, metricIds, metrics } from './metric.ts';
import {
  type FixtureVariant,
  type Gate,
  isFixture,
  type Load,
  type LoadedScenario,
  type Rounds,
  type Scenario,
} from './scenario.ts';

const fixturesDir = join(rootDir, 'go-fixtures', 'cmd');

/** What the harness itself says to a fixture; the last one of two flags would win. */
export const reservedFlag = /^--?(listen|pprof|nonce|data)(=|$)/;

/** The generator's rules, as in go-fixtures/internal/loadgen/spec. */
const headerName = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
const refusedHeaders = [
  'content-length',
  'transfer-encoding',
  'connection',
  'expect',
  'upgrade',
  'pollgate-stamps',
];
const bodyMethods = ['POST', 'PUT', 'PATCH'];
const maxBodyBytes = 1 << 20;
const maxRequestsPerPhase = 10_000_000;

/** Names of our own servers: the folders of go-fixtures/cmd that keep the fixture contract. */
export async function listFixtures(): Promise<string[]> {
  const names = await readdir(fixturesDir);
  const kept = await Promise.all(
    names.map((name) => exists(join(fixturesDir, name, 'contract.json'))),
  );
  return names.filter((_, index) => kept[index]).sort();
}

/** What a JSON schema cannot say: names that must refer to each other, units that must fit. */
export function* meaningErrors(scenario: Scenario, fixtures: readonly string[]): Generator<string> {
  const variants = Object.keys(scenario.variants);
  if (!variants.includes(scenario.reference)) {
    yield `/reference: ${JSON.stringify(scenario.reference)} seen, allowed: ${variants.join(', ')}`;
  }
  for (const [name, variant] of Object.entries(scenario.variants)) {
    if (isFixture(variant)) {
      yield* fixtureErrors(`/variants/${name}`, variant, fixtures);
    }
  }
  yield* loadErrors(scenario);
  for (const [id, gate] of Object.entries(scenario.gates)) {
    yield* gateErrors(id, gate);
  }
  yield* budgetErrors(scenario);
  yield* mergeGateErrors(scenario, variants);
  yield* expectErrors(scenario, variants);
}

/** Read in windows without probes, of times and counts that every round has. */
export const mergeGateMetrics = [
  'latency-p50',
  'latency-p99',
  'cpu-per-request',
  'context-switches-per-request',
  'allocations-per-request',
  'io-calls-per-request',
] as const satisfies readonly MetricId[];

function* mergeGateErrors({ gate, load }: Scenario, variants: string[]): Generator<string> {
  if (gate === undefined) {
    return;
  }
  for (const name of (gate.variants ?? []).filter((each) => !variants.includes(each))) {
    yield `/gate/variants: ${JSON.stringify(name)} seen, allowed: ${variants.join(', ')}`;
  }
  const known: readonly string[] = mergeGateMetrics;
  for (const id of Object.keys(gate.limitPercent).filter((each) => !known.includes(each))) {
    yield `/gate/limitPercent: ${JSON.stringify(id)} seen, allowed: ${known.join(', ')}`;
  }
  if (load.interleave === 'run') {
    yield '/gate: seen with "interleave": "run"; three builds run side by side, allowed: "slice", "request"';
  }
}

function* fixtureErrors(
  at: string,
  { fixture, args = [] }: FixtureVariant,
  fixtures: readonly string[],
): Generator<string> {
  if (!fixtures.includes(fixture)) {
    yield `${at}/fixture: ${JSON.stringify(fixture)} seen, allowed: ${fixtures.join(', ')}`;
  }
  for (const [index, arg] of args.entries()) {
    if (reservedFlag.test(arg)) {
      yield `${at}/args/${index}: ${JSON.stringify(arg)} seen; --listen, --pprof, --nonce and --data are set by the harness`;
    }
  }
}

function* loadErrors({ load, closedLoop, rounds, quick, variants }: Scenario): Generator<string> {
  if (load.interleave === 'run' && Object.keys(variants).length === 1) {
    yield '/load/interleave: "run" seen with one variant, allowed: "slice", "request"';
  }
  if (closedLoop !== undefined && load.protocol !== 'http1') {
    yield `/closedLoop: needs "protocol": "http1", seen ${JSON.stringify(load.protocol)}`;
  }
  for (const name of load.protocol === 'http1' ? Object.keys(load.headers ?? {}) : []) {
    if (!headerName.test(name)) {
      yield `/load/headers: ${JSON.stringify(name)} seen, allowed: HTTP header names`;
    } else if (refusedHeaders.includes(name.toLowerCase())) {
      yield `/load/headers: ${JSON.stringify(name)} seen; the generator frames its requests and keeps connections alive, not allowed: ${refusedHeaders.join(', ')}`;
    }
  }
  yield* bodyErrors(load);
  yield* rateErrors(load);
  const ratePerSec = meanRate(load);
  yield* phaseErrors('/rounds', rounds, ratePerSec);
  yield* phaseErrors('/quick', quick, ratePerSec);
}

function* bodyErrors(load: Load): Generator<string> {
  if (load.protocol !== 'http1' || load.body === undefined) {
    return;
  }
  if (!bodyMethods.includes(load.method)) {
    yield `/load/body: seen with ${load.method}, allowed with: ${bodyMethods.join(', ')}`;
  }
  const bytes = Buffer.byteLength(load.body);
  if (bytes > maxBodyBytes) {
    yield `/load/body: ${bytes} bytes seen, allowed: up to ${maxBodyBytes}`;
  }
}

function* rateErrors({ ratePerSec, arrivals }: Load): Generator<string> {
  if (arrivals?.kind === 'replay') {
    if (ratePerSec !== undefined) {
      yield `/load/ratePerSec: ${ratePerSec} seen, allowed: none, a recording has its own`;
    }
  } else if (ratePerSec === undefined) {
    yield '/load: setting "ratePerSec" is missing; only a replay goes without';
  }
}

/** Requests per second over a whole window; 0 for a replay, whose requests are counted. */
function meanRate({ ratePerSec = 0, arrivals }: Load): number {
  return arrivals?.kind === 'ramp' ? (ratePerSec + arrivals.toRatePerSec) / 2 : ratePerSec;
}

/** The generator holds a phase's whole schedule in memory. */
function* phaseErrors(at: string, rounds: Rounds, ratePerSec: number): Generator<string> {
  for (const name of ['warmupMs', 'unobservedMs', 'observedMs'] as const) {
    const requests = (rounds[name] * ratePerSec) / 1000;
    if (requests > maxRequestsPerPhase) {
      yield `${at}/${name}: ${rounds[name]} seen, ${Math.round(requests)} requests at ${ratePerSec}/s, allowed: ${maxRequestsPerPhase} requests`;
    }
  }
}

function* gateErrors(id: string, gate: Gate): Generator<string> {
  if (!isMetricId(id)) {
    yield `/gates: ${JSON.stringify(id)} seen, allowed: ${metricIds.join(', ')}`;
    return;
  }
  const { unit, better, window } = metrics[id];
  if (window === 'closed-loop') {
    yield `/gates/${id}: it is one value without an interval and cannot be gated`;
    return;
  }
  const allowed = unit === 'ns' ? 'maxNs' : 'maxCount';
  for (const name of ['maxNs', 'maxCount'] as const) {
    if (gate[name] !== undefined && name !== allowed) {
      yield `/gates/${id}/${name}: the metric is in ${unit} and ${better} is better, allowed: ${allowed}`;
    }
  }
}

function* expectErrors({ gates, expect }: Scenario, variants: string[]): Generator<string> {
  if (expect === undefined) {
    if (Object.keys(gates).length === 0) {
      yield '/gates: {} seen and no "expect": nothing would be judged; set a gate or "expect"';
    }
    return;
  }
  for (const variant of variants.filter((name) => !Object.hasOwn(expect, name))) {
    yield `/expect: ${JSON.stringify(variant)} is missing; [] says that nothing may be found in it`;
  }
  for (const [variant, findings] of Object.entries(expect)) {
    if (!variants.includes(variant)) {
      yield `/expect: ${JSON.stringify(variant)} seen, allowed: ${variants.join(', ')}`;
    }
    for (const finding of findings.filter((name) => !isSuiteCause(name))) {
      yield `/expect/${variant}: ${JSON.stringify(finding)} seen, allowed: ${suiteCauses.join(', ')}`;
    }
  }
}

/** Modules of the user's that are not where the scenario says. */
export async function moduleErrors({ path, scenario }: LoadedScenario): Promise<string[]> {
  const problems: string[] = [];
  for (const [name, variant] of Object.entries(scenario.variants)) {
    if (isFixture(variant)) {
      continue;
    }
    const { moduleDir } = variant.package;
    const dir = resolve(dirname(path), moduleDir);
    if (!(await exists(join(dir, 'go.mod')))) {
      problems.push(
        `/variants/${name}/package/moduleDir: ${JSON.stringify(moduleDir)} seen, expected a folder with a go.mod; there is none in ${dir}`,
      );
    }
  }
  return problems;
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

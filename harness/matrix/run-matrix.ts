import { createReadStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { dataFilePath } from '../build/data-file.ts';
import type { FixtureBuild } from '../build/fixture-build.ts';
import { PollgateError } from '../lib/errors.ts';
import { writeFileAtomic } from '../lib/fs.ts';
import { formatJson, ownValue } from '../lib/json.ts';
import type { Listener } from '../run/events.ts';
import { isFinished, readStage } from './evidence.ts';
import { groupName, isObserved, longestObservedMs } from './plan.ts';
import { ratesOf } from './rates.ts';
import { type MatrixRecord, matrixFiles, type TurnsRecord } from './record.ts';
import { canRun, remainingMs, type Step, stepsOf } from './steps.ts';
import { phaseNames, runTurn, type TurnOptions, turnLoad } from './turn.ts';

export interface MatrixContext {
  runDir: string;
  loadgen: string;
  /** How netprobe is called; undefined where it cannot run. */
  netprobe: readonly string[] | undefined;
  signal: AbortSignal;
  listen: Listener;
}

/**
 * Runs every round that is not finished yet. A round is the unit of a resumption: its servers shared
 * a stretch of the machine's time, and half of one does not.
 */
export async function runMatrix(record: MatrixRecord, context: MatrixContext): Promise<void> {
  const all = stepsOf(record);
  const left: Step[] = [];
  for (const step of all) {
    const dir = roundDir(step, context);
    if (!(await isFinished(dir))) {
      await rm(dir, { recursive: true, force: true });
      left.push(step);
    }
  }
  const done = all.length - left.length;
  const began = performance.now();
  for (const [index, step] of left.entries()) {
    context.signal.throwIfAborted();
    const tookMs = performance.now() - began;
    const ms = remainingMs(record, { done: left.slice(0, index), left: left.slice(index), tookMs });
    context.listen({ type: 'scenario', id: record.suite, rounds: all.length, expectedMs: ms });
    const id = `${groupName(step.group)} ${step.stage}`;
    context.listen({ type: 'round', id, round: done + index + 1, of: all.length });
    await runRound(record, step, context);
  }
}

function roundDir({ group, stage, planned }: Step, { runDir }: MatrixContext): string {
  return matrixFiles.roundDir(runDir, group, stage, planned.round);
}

/** All servers, one after the other. What one of them breaks is its own; the others go on. */
async function runRound(record: MatrixRecord, step: Step, context: MatrixContext): Promise<void> {
  const { plan, stage, planned } = step;
  const dir = roundDir(step, context);
  const rates = stage === 'open' ? await openRates(record, step, context) : undefined;
  await mkdir(dir, { recursive: true });
  const turns: TurnsRecord['turns'] = {};
  const order = planned.order.filter((server) => canRun(record, plan.id, server));
  await warmCondition(step);
  for (const name of order) {
    turns[name] = await turnOf({ record, step, context, name, rates });
  }
  const whole: TurnsRecord = {
    schema: 1,
    runId: record.runId,
    round: planned.round,
    seed: planned.seed,
    order,
    ratesPerSec: Object.fromEntries(
      [...(rates ?? [])].map(([percent, perSec]) => [phaseNames.open(percent), perSec]),
    ),
    turns,
  };
  await writeFileAtomic(join(dir, matrixFiles.round), formatJson(whole));
}

/** A turn that fails is begun anew once: its round still shares one stretch of time. */
async function turnOf(place: TurnPlace): Promise<TurnsRecord['turns'][string]> {
  const { context, step } = place;
  const options = turnOptions(place);
  let failure = '';
  for (let attempt = 1; attempt <= 2; attempt++) {
    try {
      await rm(options.dir, { recursive: true, force: true });
      return await runTurn(options);
    } catch (error) {
      if (context.signal.aborted || !(error instanceof PollgateError)) {
        throw error;
      }
      failure = `${error.message}\nto mend it: ${error.remedy}`;
      const name = `${groupName(step.group)}, round ${step.planned.round}, attempt ${attempt}`;
      context.listen({ type: 'stage', text: `${name}: ${error.message}` });
    }
  }
  return { failure };
}

/** What is to be in the page cache is read once, before the round: memory that was short may have evicted it. */
async function warmCondition({ plan, group }: Step): Promise<void> {
  const { pages, deviceReads } = plan.description.conditions[group.condition] ?? {};
  if (pages === undefined || deviceReads !== 'none') {
    return;
  }
  const file = createReadStream(dataFilePath(pages), { highWaterMark: 2 ** 20 });
  await finished(file.resume());
}

/** From the saturation rounds on disk, so that a resumed run sends at the same rates. */
async function openRates(
  record: MatrixRecord,
  { plan, group }: Step,
  { runDir }: MatrixContext,
): Promise<Map<number, number>> {
  const saturation = await readStage(runDir, record, { group, stage: 'saturation' });
  // Without any capacity every turn has failed and said why; the least rate lets the rest say so too.
  return (
    ratesOf(saturation, plan.percents) ?? new Map(plan.percents.map((percent) => [percent, 1]))
  );
}

interface TurnPlace {
  record: MatrixRecord;
  step: Step;
  context: MatrixContext;
  name: string;
  rates: Map<number, number> | undefined;
}

function turnOptions({ record, step, context, name, rates }: TurnPlace): TurnOptions {
  const { plan, group, planned } = step;
  const { description, rounds } = plan;
  const spec = description.servers[name];
  const condition = description.conditions[group.condition];
  const build: FixtureBuild | undefined = ownValue(record.builds, `${plan.id}/${name}`);
  if (spec === undefined || condition === undefined || build === undefined) {
    throw new Error(`the plan names ${name} under ${group.condition}, which is not there`);
  }
  const { pages = 1, args = [] } = condition;
  const { connections } = group;
  const windows = windowsOf(step, rates);
  const fastest = rates === undefined ? undefined : Math.max(...rates.values());
  const lowest = rates === undefined ? 0 : Math.min(...rates.values());
  const isWatched = rates !== undefined && isObserved(rounds, planned.round);
  return {
    ...{ name, spec, build, windows },
    conditionArgs: [
      ...(condition.pages === undefined ? [] : [`--data=${dataFilePath(pages)}`]),
      ...args,
    ],
    load: turnLoad(description, {
      ...{ connections, pages },
      ...(fastest === undefined ? {} : { ratePerSec: fastest }),
    }),
    closed: rates === undefined,
    warmupMs: rounds.warmupMs,
    observed: isWatched
      ? {
          durationMs: observedMs(description.observedRequests, lowest),
          ratePerSec: lowest,
          probes: description.probes,
        }
      : undefined,
    seed: planned.seed,
    dir: join(roundDir(step, context), name),
    loadgen: context.loadgen,
    netprobe: context.netprobe,
    placement: record.placement,
    signal: context.signal,
    listen: context.listen,
  };
}

/** Every other round begins with the highest load, so that no load is always the first one. */
function windowsOf(
  { plan, planned }: Step,
  rates: ReadonlyMap<number, number> | undefined,
): TurnOptions['windows'] {
  const { saturationMs, openMs } = plan.rounds;
  if (rates === undefined) {
    return [{ name: phaseNames.saturation, durationMs: saturationMs }];
  }
  const windows = [...rates].map(([percent, ratePerSec]) => {
    return { name: phaseNames.open(percent), durationMs: openMs, ratePerSec };
  });
  return planned.round % 2 === 1 ? windows : windows.toReversed();
}

/** As long as so many requests take at this rate, within limits. */
function observedMs(requests: number, ratePerSec: number): number {
  return Math.min(longestObservedMs, Math.max(100, Math.ceil((1000 * requests) / ratePerSec)));
}

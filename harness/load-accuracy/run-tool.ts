import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import Type, { type Static } from 'typebox';
import { Child, endedEarly } from '../lib/child.ts';
import { infrastructureError } from '../lib/errors.ts';
import { writeFileAtomic } from '../lib/fs.ts';
import { parseJson } from '../lib/json.ts';
import { withoutPlaces } from './places.ts';
import { type Job, outputFiles, type Tool, type ToolReport } from './tool.ts';

/** What go-fixtures/cmd/childcost says of a command. */
const Cost = Type.Object({
  exitCode: Type.Integer(),
  signal: Type.Integer(),
  overMemory: Type.Boolean(),
  userNs: Type.Integer(),
  systemNs: Type.Integer(),
  maxRssBytes: Type.Integer(),
});
export type Cost = Static<typeof Cost>;

/** How long a generator may take beyond its job: to start, to connect, to end, to sort. */
const graceMs = 20_000;
/** What a generator may take of memory, so that a small machine stays up. */
const memoryBytes = 8 * 2 ** 30;

export interface Runner {
  /** Path of childcost. */
  childcost: string;
  /** The CPU that generators are pinned to. */
  cpu: number;
}

/**
 * Lets a generator do a job.
 * @param command its binary, with whatever must stand before its arguments
 * @throws PollgateError naming how it failed, with its last words
 */
export async function runTool(
  tool: Tool,
  command: readonly string[],
  args: readonly string[],
  job: Job,
  runner: Runner,
): Promise<{ report: ToolReport; cost: Cost }> {
  await mkdir(job.dir, { recursive: true });
  for (const [name, text] of Object.entries(tool.files?.(job) ?? {})) {
    await writeFileAtomic(join(job.dir, name), text);
  }
  const cost = await measureCost(tool, [...command, ...args], job, runner);
  if (cost.overMemory) {
    throw infrastructureError(`stopped at ${memoryBytes / 2 ** 30} GiB of memory`, 'none');
  }
  if (cost.exitCode !== 0) {
    const how = cost.signal > 0 ? `signal ${cost.signal}` : `exit code ${cost.exitCode}`;
    throw infrastructureError(`${how}: ${await lastWords(job)}`, 'none');
  }
  return { report: tool.parse(await reportText(tool, command, job)), cost };
}

async function measureCost(
  tool: Tool,
  command: readonly string[],
  job: Job,
  { childcost, cpu }: Runner,
): Promise<Cost> {
  const output = (name: 'stdout' | 'stderr') => [`--${name}`, join(job.dir, outputFiles[name])];
  const child = await Child.start({
    label: tool.title ?? tool.id,
    command: [
      ...[childcost, ...output('stdout'), ...output('stderr'), '--max-rss', String(memoryBytes)],
      // childcost itself is not pinned: its own work is none of the generator's.
      ...['--', 'taskset', '-c', String(cpu), ...command],
    ],
    lines: true,
    env: environment(tool),
  });
  try {
    const line = await child.nextLine(job.durationMs + graceMs);
    if (line === undefined) {
      throw await endedEarly(child);
    }
    const source = { name: 'the line of childcost', remedy: 'npm run bench:load builds it anew' };
    return parseJson(line, Cost, source);
  } finally {
    await child.stop(1_000);
  }
}

/** Little else than what a tool needs: GOMAXPROCS or NODE_OPTIONS of the shell would be measured. */
function environment(tool: Tool): Record<string, string> {
  const kept = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '/' };
  return { ...kept, ...tool.env };
}

async function reportText(tool: Tool, command: readonly string[], job: Job): Promise<string> {
  if (tool.summarize === undefined) {
    return readFile(join(job.dir, tool.reportFile ?? outputFiles.stdout), 'utf8');
  }
  const [file = '', ...before] = command;
  const options = { reject: false, timeout: graceMs } as const;
  const result = await execa(file, [...before, ...tool.summarize(job)], options);
  if (result.failed) {
    throw infrastructureError(`its report failed: ${result.stderr || result.shortMessage}`, 'none');
  }
  return result.stdout;
}

/** The last line that a generator wrote, for a cell of the table. */
export async function lastWords({ dir }: Pick<Job, 'dir'>): Promise<string> {
  const texts = await Promise.all(
    [outputFiles.stderr, outputFiles.stdout].map((name) =>
      readFile(join(dir, name), 'utf8').catch(() => ''),
    ),
  );
  const lines = texts.map((text) => text.trim().split('\n').at(-1) ?? '');
  return withoutPlaces(lines.find((line) => line !== '') ?? 'no output', [dir]).slice(0, 160);
}

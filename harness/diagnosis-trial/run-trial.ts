import { access, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { FixtureBuild } from '../build/fixture-build.ts';
import { diagFiles } from '../capture/diag/record.ts';
import { captureQuietly } from '../capture/diag/script.ts';
import { Child } from '../lib/child.ts';
import { infrastructureError } from '../lib/errors.ts';
import { startFixture } from '../run/server.ts';
import { type TrialRecord, trialFiles } from './result.ts';

export interface TrialOptions {
  record: TrialRecord;
  dir: string;
  faulty: FixtureBuild;
  /** Path of the load generator. */
  loadgen: string;
  /** netprobe, behind sudo where that is needed. */
  netprobe: readonly string[];
  /** Those that server and generator share, as processes on a server do. */
  cpus: readonly number[];
  signal: AbortSignal;
  /** Before each diagnosis. */
  onStart: (done: number, all: number, name: string) => void;
}

/** The generator runs for longer than a capture takes, and is ended behind it. */
const loadMargin = 60;

/** Every diagnosis that the directory lacks; what one leaves is there as soon as it is done. */
export async function runTrial(options: TrialOptions): Promise<void> {
  const { record, dir, signal } = options;
  const all = Array.from({ length: record.repeats }, (_, repeat) =>
    record.subjects.map((subject) => ({ subject, repeat: repeat + 1 })),
  ).flat();
  const hog = record.noise ? await startHog(options) : undefined;
  try {
    for (const [index, { subject, repeat }] of all.entries()) {
      signal.throwIfAborted();
      const target = trialFiles.diagnosis(dir, subject.id, repeat);
      if (await isDone(target)) {
        continue;
      }
      options.onStart(index, all.length, `${subject.id}, ${repeat}`);
      await rm(target, { recursive: true, force: true });
      await diagnoseOne(subject, target, options);
    }
  } finally {
    await hog?.stop(0);
  }
}

function isDone(target: string): Promise<boolean> {
  return access(diagFiles.record(target)).then(
    () => true,
    () => false,
  );
}

/** Takes all of one CPU, as a neighbour would. */
function startHog({ cpus }: TrialOptions): Promise<Child> {
  return Child.start({
    label: 'CPU hog',
    command: ['taskset', '-c', String(cpus.at(-1)), 'sh', '-c', 'while :; do :; done'],
    lines: false,
  });
}

async function diagnoseOne(
  subject: TrialRecord['subjects'][number],
  target: string,
  { record, faulty, loadgen, netprobe, cpus, signal }: TrialOptions,
): Promise<void> {
  const server = await startFixture(
    { fixture: 'faulty', netpoller: 'epoll', args: subject.args },
    { variant: subject.id, build: faulty, cpus: cpus.join(','), dataArgs: [], signal },
  );
  const scratch = `${target}.load`;
  await mkdir(scratch, { recursive: true });
  try {
    const load = await Child.start({
      label: 'load generator',
      command: [
        ...[loadgen, '--url', `http://${server.record.address}/`],
        ...['--rate', String(subject.ratePerSec), '--connections', String(subject.connections)],
        ...['--duration', `${record.seconds + loadMargin}s`, '--out', join(scratch, 'out')],
      ],
      lines: false,
    });
    try {
      await captureQuietly(
        [
          ...['--pid', String(server.record.pid), '--seconds', String(record.seconds)],
          // Its load begins and ends with the trial: nobody is hurt by its CPU time.
          ...['--max-cpu-rise', '0', '--out', target],
        ],
        netprobe,
        signal,
      );
      if (load.hasExited) {
        throw infrastructureError(
          `${subject.id}: the load generator ended.${load.stderrTail()}`,
          'npm run doctor',
        );
      }
    } finally {
      await load.stop(2_000);
    }
  } finally {
    await server.child.stop(5_000);
    await rm(scratch, { recursive: true, force: true });
  }
}

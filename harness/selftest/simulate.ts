import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { peers } from './peers/index.ts';
import type { Selftest } from './table.ts';
import { judgeTargets } from './targets.ts';
import { type Change, changes, type PeerTrial, scenariosPerPull, type Trial } from './trials.ts';
import type { Task } from './worker.ts';
import { worlds } from './worlds/index.ts';

export interface SimulateOptions {
  /** Of every world and change; rounded up to whole pull requests. */
  decisions: number;
  signal: AbortSignal;
  /** Told after each task. */
  onProgress: (done: number, of: number) => void;
}

/**
 * Every world with every change, by our gate and by the peers' rules, on all CPUs. The result does not
 * depend on their number: each task has seeds of its own.
 */
export async function simulate(options: SimulateOptions): Promise<Selftest> {
  const tasks = allTasks(options.decisions);
  const results = await runTasks(tasks, options);
  const trials = results.filter((result): result is Trial => !Array.isArray(result));
  const peerTrials = results.filter((result): result is PeerTrial[] => Array.isArray(result));
  return { worlds, peers, trials, peerTrials: peerTrials.flat(), targets: judgeTargets(trials) };
}

function allTasks(decisions: number): Task[] {
  const pulls = Math.ceil(decisions / scenariosPerPull);
  const names = Object.keys(changes) as Change[];
  const shown: Change[] = ['none', 'clear'];
  return worlds.flatMap(({ name: world }) => [
    ...names.map((change) => ({ world, change, count: pulls })),
    ...peers.flatMap(({ name: peer }) =>
      shown.map((change) => ({ world, change, peer, count: decisions })),
    ),
  ]);
}

async function runTasks(
  tasks: readonly Task[],
  { signal, onProgress }: SimulateOptions,
): Promise<(Trial | PeerTrial[])[]> {
  const results: (Trial | PeerTrial[])[] = [];
  let next = 0;
  let done = 0;
  const work = async () => {
    const worker = new Worker(new URL('./worker.ts', import.meta.url));
    try {
      while (next < tasks.length) {
        signal.throwIfAborted();
        const index = next++;
        results[index] = await ask(worker, tasks[index] as Task, signal);
        onProgress(++done, tasks.length);
      }
    } finally {
      await worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return results;
}

function ask(worker: Worker, task: Task, signal: AbortSignal): Promise<Trial | PeerTrial[]> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    worker.once('error', reject);
    worker.once('message', (result: Trial | PeerTrial[]) => {
      signal.removeEventListener('abort', abort);
      worker.off('error', reject);
      resolve(result);
    });
    worker.postMessage(task);
  });
}

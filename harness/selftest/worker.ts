import { parentPort } from 'node:worker_threads';
import { peers } from './peers/index.ts';
import { type Change, tryOurGate, tryPeer } from './trials.ts';
import { worlds } from './worlds/index.ts';

/** One world and one change, by our gate or by a peer's rule. */
export interface Task {
  world: string;
  change: Change;
  /** Undefined: our gate. */
  peer?: string;
  /** Pull requests of three scenarios for our gate, decisions for a peer. */
  count: number;
}

parentPort?.on('message', (task: Task) => {
  const world = worlds.find(({ name }) => name === task.world);
  const peer = peers.find(({ name }) => name === task.peer);
  if (world === undefined) {
    throw new Error(`there is no world ${task.world}`);
  }
  const result = peer
    ? tryPeer(peer, world, task.change, task.count)
    : tryOurGate(world, task.change, task.count);
  parentPort?.postMessage(result);
});

import { readdir, readFile } from 'node:fs/promises';
import type { RingThread } from './record.ts';

/**
 * Threads that io_uring runs in a process besides its own: workers (`iou-wrk-…`) and pollers of the
 * submission queue (`iou-sqp-…`), with the CPUs that they may run on. The kernel charges their time
 * to the process, but a worker keeps the CPUs of its cpuset and not those of taskset.
 */
export async function readRingThreads(pid: number): Promise<RingThread[]> {
  const ids = await readdir(`/proc/${pid}/task`);
  const texts = await Promise.all(
    ids.map((id) => readFile(`/proc/${pid}/task/${id}/status`, 'utf8').catch(() => '')),
  );
  const found = texts.flatMap(parseRingThread);
  const groups = Map.groupBy(found, ({ kind, cpus }) => `${kind} ${cpus}`);
  return [...groups.values()].flatMap((all) =>
    all.slice(0, 1).map((one) => ({ ...one, count: all.length })),
  );
}

/** From the text of /proc/PID/task/TID/status; none for a thread of the program's own. */
export function parseRingThread(status: string): RingThread[] {
  const name = /^Name:\s*iou-(wrk|sqp)-/m.exec(status)?.[1];
  const cpus = /^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1];
  if (name === undefined || cpus === undefined) {
    return [];
  }
  return [{ kind: name === 'wrk' ? 'io-wq' : 'sqpoll', cpus, count: 1 }];
}

/** Bytes that a process has had read from storage so far (proc_pid_io(5)); null where it is not told. */
export async function readDeviceBytes(pid: number): Promise<number | null> {
  const text = await readFile(`/proc/${pid}/io`, 'utf8').catch(() => '');
  const found = /^read_bytes:\s*(\d+)$/m.exec(text)?.[1];
  return found === undefined ? null : Number(found);
}

/** The CPUs of a list as taskset and /proc write it: "0-2,5". */
export function cpusOf(list: string): number[] {
  return list.split(',').flatMap((part) => {
    const [first = Number.NaN, last = first] = part.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

import { rmSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { infrastructureError, messageOf } from '../lib/errors.ts';
import { cacheDir } from '../lib/paths.ts';

/** Two runs that measure at once would measure each other. */
const lockPath = join(cacheDir, 'run.lock');

/**
 * Takes the lock of the runs that measure on this machine.
 * @returns what releases it; the end of the process does as well
 * @throws PollgateError (infrastructure) naming the process that holds it
 */
export async function lockMeasuring(path = lockPath): Promise<() => void> {
  if (!(await create(path))) {
    const holder = await liveHolder(path);
    if (holder === undefined) {
      await rm(path, { force: true });
    }
    if (holder !== undefined || !(await create(path))) {
      throw infrastructureError(
        `Another run, pid ${holder ?? 'unknown'}, measures on this machine.`,
        'wait for it, then run again',
      );
    }
  }
  const release = () => rmSync(path, { force: true });
  process.once('exit', release);
  return () => {
    process.off('exit', release);
    release();
  };
}

/** @returns whether the lock is ours now; false where there is one already */
async function create(path: string): Promise<boolean> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, `${process.pid} ${await startTime(process.pid)}\n`, { flag: 'wx' });
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') {
      return false;
    }
    const what = `${path} could not be written: ${messageOf(cause)}`;
    throw infrastructureError(what, `ls -ld ${JSON.stringify(dirname(path))}`, cause);
  }
}

/** The process that holds the lock; undefined where it is gone, whoever has its pid now. */
async function liveHolder(path: string): Promise<number | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const [pid = '', began = ''] = text.trim().split(' ');
  const lives = /^\d+$/.test(pid) && began !== '' && (await startTime(Number(pid))) === began;
  return lives ? Number(pid) : undefined;
}

/** In ticks since the machine started (proc_pid_stat(5), field 22); empty for no such process. */
async function startTime(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

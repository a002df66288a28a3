import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { Child } from '../../lib/child.ts';
import { ForeignLoad } from './foreign-load.ts';

const hog = fileURLToPath(new URL('./hog.ts', import.meta.url));

/** CPUs that hogs of this process may run on, of each that lives. */
async function living(): Promise<string[]> {
  const read = (pid: string, file: string) =>
    readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const status = await read(pid, 'status');
      const ours = status.includes(`\nPPid:\t${process.pid}\n`);
      const arguments_ = (await read(pid, 'cmdline')).split('\0');
      const cpus = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? '';
      return ours && arguments_.includes(hog) ? [cpus] : [];
    }),
  );
  return found.flat();
}

test('one hog a CPU, for as long as it is wanted', async () => {
  const load = await ForeignLoad.start([0]);
  expect(await living()).toHaveLength(1);
  await load.stop();
  expect(await living()).toEqual([]);
});

test('a hog that was forgotten ends by itself', async () => {
  const command = [process.execPath, hog, '0'];
  const child = await Child.start({ label: 'hog', command, lines: false });
  expect(await child.exited).toEqual({ code: 0, signal: null });
});

test('a hog that ended before it was told to: there was no foreign load', async () => {
  // No machine has this CPU: taskset ends at once.
  const load = await ForeignLoad.start([99_999]);
  await expect.poll(living, { timeout: 10_000 }).toEqual([]);
  await expect(load.stop()).rejects.toThrow('foreign load on CPU 99999 ended by itself');
});

import { readFile } from 'node:fs/promises';
import { ok, type Prerequisite } from './prerequisite.ts';

/** tracefs. The probes attach through BPF links and perf events alone, so its absence costs nothing. */
export const tracefs: Prerequisite = {
  id: 'tracefs',
  title: 'tracefs',
  lost: [],
  inspect: 'grep tracefs /proc/self/mounts',
  async look() {
    const mounts = await readFile('/proc/self/mounts', 'utf8');
    const where = /^\S+ (\S+) tracefs /m.exec(mounts)?.[1];
    return ok(where === undefined ? 'not mounted, not needed' : `at ${where}, not needed`);
  },
};

import { readFile } from 'node:fs/promises';
import { kill } from 'node:process';
import { onTestFinished } from 'vitest';

/** Longer than any machine needs; a test that waits for it has failed. */
export const longMs = 20_000;

/** Whether a process is there and no zombie. */
export async function runs(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat !== '' && !/\) [ZX] /.test(stat);
}

/** Lets nothing of a test that fails go on running. */
export function killWhenFinished(pid: number): number {
  onTestFinished(() => {
    try {
      kill(pid, 'SIGKILL');
    } catch {
      // Gone, as it should be.
    }
  });
  return pid;
}

import { execPath, kill } from 'node:process';
import { expect, onTestFinished, test } from 'vitest';
import { Child } from './child.ts';
import { orAborted } from './interrupt.ts';
import { killWhenFinished, longMs, runs } from './testing/process.ts';

/** Prints its pid and does not end by itself. */
const stubborn = 'trap "" TERM HUP INT; echo $$; while :; do sleep 1; done';

/**
 * A harness that waits for its signal: prints the pid of what its child has started (the kernel ends
 * the child itself in any case), then what it was interrupted with, and goes on until it is told to
 * end, as a run does that stops its servers in order.
 */
async function harness(whenAborted: string): Promise<{ self: Child; childPid: number }> {
  const from = (file: string) => JSON.stringify(`${import.meta.dirname}/${file}`);
  const script = `
    import { Child } from ${from('child.ts')};
    import { interruptSignal } from ${from('interrupt.ts')};
    const signal = interruptSignal();
    const command = ['sh', '-c', 'sh -c "$0" & wait', ${JSON.stringify(stubborn)}];
    const child = await Child.start({ label: 'c', command, lines: true });
    const pid = await child.nextLine(20_000);
    signal.addEventListener('abort', () => {
      console.log(signal.reason.name, signal.reason.exitCode);
      ${whenAborted}
    });
    console.log(pid);
    process.stdin.resume();
  `;
  const command = [execPath, '--input-type=module', '--eval', script];
  const self = await Child.start({ label: 'harness', command, lines: true });
  onTestFinished(async () => {
    self.kill();
    await self.exited;
  });
  return { self, childPid: killWhenFinished(Number(await self.nextLine(longMs))) };
}

test.for([
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 143],
] as const)('%s aborts with exit code %d and lets the run end in order', async ([name, code]) => {
  const { self, childPid } = await harness('process.exit(signal.reason.exitCode)');
  kill(self.pid, name);
  expect(await self.nextLine(longMs)).toBe(`PollgateError ${code}`);
  expect(await self.exited).toEqual({ code, signal: null });
  // Whatever way it exits, it leaves no child behind.
  await expect.poll(() => runs(childPid), { timeout: longMs }).toBe(false);
});

test('the second signal of one Ctrl-C, as npm sends it, changes nothing', async () => {
  // Listeners run in the order in which they were added: this one speaks after the harness's own.
  const speak = `
    process.on('SIGINT', () => console.log('seen again'));
    process.stdin.on('data', () => process.exit(9));
  `;
  const { self, childPid } = await harness(speak);
  kill(self.pid, 'SIGINT');
  expect(await self.nextLine(longMs)).toBe('PollgateError 130');
  kill(self.pid, 'SIGINT');
  expect(await self.nextLine(longMs)).toBe('seen again');
  expect(await runs(childPid)).toBe(true);
  self.writeLine('end');
  expect(await self.exited).toEqual({ code: 9, signal: null });
  await expect.poll(() => runs(childPid), { timeout: longMs }).toBe(false);
});

test('a later second signal ends everything at once', async () => {
  const later =
    'const real = performance.now.bind(performance); performance.now = () => real() + 1001; console.log("later")';
  const { self, childPid } = await harness(later);
  kill(self.pid, 'SIGINT');
  expect(await self.nextLine(longMs)).toBe('PollgateError 130');
  expect(await self.nextLine(longMs)).toBe('later');
  kill(self.pid, 'SIGTERM');
  expect(await self.exited).toEqual({ code: 143, signal: null });
  await expect.poll(() => runs(childPid), { timeout: longMs }).toBe(false);
});

test('work ends with the interrupt, whenever that comes, and may fail unheard afterwards', async () => {
  const controller = new AbortController();
  const { signal } = controller;
  expect(await orAborted(signal, Promise.resolve('done'))).toBe('done');
  await expect(orAborted(signal, Promise.reject(new Error('broke')))).rejects.toThrow('broke');
  const work = Promise.withResolvers<void>();
  const waiting = orAborted(signal, work.promise);
  controller.abort(new Error('interrupted'));
  await expect(waiting).rejects.toThrow('interrupted');
  work.reject(new Error('too late'));
  await expect(orAborted(signal, Promise.resolve('done'))).rejects.toThrow('interrupted');
});

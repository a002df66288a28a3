import { execPath } from 'node:process';
import { expect, onTestFinished, test } from 'vitest';
import { Child, type ChildOptions, describeExit, endedEarly, untilOneEnds } from './child.ts';
import { killWhenFinished, longMs, runs } from './testing/process.ts';

/** A real process: a shell script, stopped when the test ends. */
async function shell(script: string, options: Partial<ChildOptions> = {}): Promise<Child> {
  const child = await Child.start({
    label: 'server epoll',
    command: ['sh', '-c', script],
    lines: true,
    ...options,
  });
  onTestFinished(async () => {
    child.kill();
    await child.exited;
  });
  return child;
}

test('speaks line by line, in both directions, and ends with its exit code', async () => {
  const child = await shell('read word; echo "got $word"; echo; echo last; exit 7');
  child.writeLine('next');
  expect(await child.nextLine(longMs)).toBe('got next');
  expect(await child.nextLine(longMs)).toBe('');
  expect(await child.nextLine(longMs)).toBe('last');
  expect(await child.nextLine(longMs)).toBeUndefined();
  expect(await child.exited).toEqual({ code: 7, signal: null });
  expect(child.hasExited).toBe(true);
});

test('its pid is that of the command itself, not of a wrapper', async () => {
  const child = await shell('echo $$; read end');
  expect(await child.nextLine(longMs)).toBe(String(child.pid));
});

test('one that ends early is named with how it ended and its last words', async () => {
  const child = await shell('echo "listen: address already in use" >&2; exit 3');
  const error = await endedEarly(child);
  expect(error.message).toBe(
    'server epoll ended by itself: exit code 3.\n  listen: address already in use',
  );
  expect(error.exitCode).toBe(4);
  const killed = await shell('kill -KILL $$');
  await expect(untilOneEnds([killed])).rejects.toThrow(
    'server epoll ended by itself: signal SIGKILL',
  );
});

test('the first of several that ends is the one that is named', async () => {
  const stays = await shell('read end', { label: 'server io_uring' });
  const ends = await shell('exit 1');
  await expect(untilOneEnds([stays, ends])).rejects.toThrow('server epoll ended by itself');
  expect(stays.hasExited).toBe(false);
});

test('one that says nothing is late, with what it said on stderr', async () => {
  const child = await shell('echo "still compiling" >&2; echo said; read end');
  expect(await child.nextLine(longMs)).toBe('said');
  await expect(child.nextLine(10)).rejects.toMatchObject({
    message: expect.stringMatching(/^server epoll said nothing for 10 ms\./),
    exitCode: 4,
  });
});

test('of stderr the end is kept', async () => {
  const child = await shell('i=0; while [ $i -lt 2000 ]; do echo "line $i" >&2; i=$((i+1)); done');
  await child.exited;
  await child.drained();
  expect(child.stderrTail().length).toBeLessThan(8_000);
  expect(child.stderrTail()).toMatch(/\n {2}line 1999$/);
  expect(child.stderrTail()).not.toContain('line 0\n');
});

test('SIGTERM lets it end in its own way', async () => {
  const child = await shell('trap "exit 0" TERM; echo ready; while :; do read end || :; done');
  await child.nextLine(longMs);
  expect(await child.stop(longMs)).toEqual({ code: 0, signal: null });
});

test('one that ignores SIGTERM is killed', async () => {
  const child = await shell('trap "" TERM; echo ready; while :; do sleep 1; done');
  await child.nextLine(longMs);
  expect(await child.stop(50)).toEqual({ code: null, signal: 'SIGKILL' });
});

test('stopping twice, and one that has ended, is no error', async () => {
  const child = await shell('exit 4');
  await child.exited;
  expect(await child.stop(longMs)).toEqual({ code: 4, signal: null });
  expect(await child.stop(longMs)).toEqual({ code: 4, signal: null });
  child.writeLine('nobody reads this');
});

test('what it started itself ends with it', async () => {
  const child = await shell(
    'sh -c "trap \\"\\" TERM HUP; echo \\$\\$; while :; do sleep 1; done" & wait',
  );
  const grandchild = killWhenFinished(Number(await child.nextLine(longMs)));
  expect(await runs(grandchild)).toBe(true);
  await child.stop(50);
  await expect.poll(() => runs(grandchild), { timeout: longMs }).toBe(false);
});

test('a grandchild that outlives a child that ended by itself is killed by stop', async () => {
  const child = await shell(
    'sh -c "trap \\"\\" TERM HUP; echo \\$\\$; exec 1>&- 2>&-; while :; do sleep 1; done" & read end; exit 0',
  );
  const grandchild = killWhenFinished(Number(await child.nextLine(longMs)));
  child.writeLine('end');
  await child.exited;
  expect(await runs(grandchild)).toBe(true);
  await child.stop(longMs);
  await expect.poll(() => runs(grandchild), { timeout: longMs }).toBe(false);
});

test('a command that is not there ends at once, with setpriv’s words', async () => {
  const child = await shell('', { command: ['/no/such/program'] });
  const error = await endedEarly(child);
  expect(error.message).toMatch(/exit code 127\.\n.*no\/such\/program/s);
});

test('where there is no setpriv the error says what to install', async () => {
  const options = { label: 'server', command: ['true'], lines: false };
  const path = process.env['PATH'];
  process.env['PATH'] = '/nowhere';
  onTestFinished(() => {
    process.env['PATH'] = path;
  });
  await expect(Child.start(options)).rejects.toMatchObject({
    message: expect.stringContaining('server could not be started: '),
    remedy: expect.stringContaining('util-linux'),
    exitCode: 4,
  });
});

test('only lines that were asked for can be read, and an environment is the whole of it', async () => {
  const mute = await shell('exit 0', { lines: false });
  await expect(mute.nextLine(longMs)).rejects.toThrow('without reading its lines');
  process.env['GODEBUG'] = 'pollgate-test';
  onTestFinished(() => {
    delete process.env['GODEBUG'];
  });
  const env = { PATH: process.env['PATH'] ?? '', ONLY: 'this' };
  const child = await shell('echo "$ONLY [$GODEBUG]"', { env });
  expect(await child.nextLine(longMs)).toBe('this []');
});

test('when the harness is killed the kernel kills its children', async () => {
  const script = `
    import { Child } from ${JSON.stringify(`${import.meta.dirname}/child.ts`)};
    const command = ['sh', '-c', 'echo ready; while :; do sleep 1; done'];
    const child = await Child.start({ label: 'c', command, lines: true });
    await child.nextLine(20_000);
    console.log(child.pid);
    process.stdin.resume();
  `;
  const harness = await shell('', {
    command: [execPath, '--input-type=module', '--eval', script],
  });
  const orphan = killWhenFinished(Number(await harness.nextLine(longMs)));
  expect(await runs(orphan)).toBe(true);
  harness.kill();
  await harness.exited;
  await expect.poll(() => runs(orphan), { timeout: longMs }).toBe(false);
});

test('how a process ended, in words', () => {
  expect(describeExit({ code: 2, signal: null })).toBe('exit code 2');
  expect(describeExit({ code: null, signal: 'SIGSEGV' })).toBe('signal SIGSEGV');
});

import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Check } from '../host/host.ts';
import { rootDir } from '../lib/paths.ts';
import { loadSuite } from '../scenario/load.ts';
import { requireMachine, requireProfiles } from './requirements.ts';

const ioUring = await loadSuite('io_uring');
const fdLeak = await loadSuite('fd_leak');
const own = await loadSuite('own', join(rootDir, 'harness/test/own-server/scenarios'));

function check(id: string, state: Check['state']): Check {
  return { id, title: id, state, seen: 'as seen', lost: ['much'], remedy: 'mend it' };
}

test.for(['go', 'git', 'util-linux', 'fd-limit', 'ports'])('no run without %s', (id) => {
  expect(() => requireMachine(fdLeak, [check(id, 'missing')], [])).toThrow(
    expect.objectContaining({ exitCode: 4, message: `${id}: as seen`, remedy: 'mend it' }),
  );
  expect(requireMachine(fdLeak, [check(id, 'degraded')], [])).toEqual([]);
});

test('io_uring is missed by those that use it, and by who asks for it', () => {
  const checks = [check('io-uring', 'missing'), check('steal', 'missing')];
  expect(requireMachine(fdLeak, checks, [])).toEqual([]);
  const code = (exitCode: number) => expect.objectContaining({ exitCode });
  expect(() => requireMachine(ioUring, checks, [])).toThrow(code(4));
  expect(() => requireMachine(ioUring, checks, ['io_uring'])).toThrow(code(5));
});

test('a run goes on without eBPF unless it is required', () => {
  const checks = [check('ebpf', 'missing')];
  expect(requireMachine(fdLeak, checks, ['pprof'])).toMatchObject([{ capability: 'ebpf' }]);
  expect(() => requireMachine(fdLeak, checks, ['ebpf'])).toThrow('--require ebpf: as seen');
});

test('required profiles need an endpoint of every server', () => {
  requireProfiles(ioUring, ['pprof']);
  requireProfiles(own, ['ebpf']);
  expect(() => requireProfiles(own, ['pprof'])).toThrow(
    expect.objectContaining({ exitCode: 5, remedy: expect.stringContaining('"pprofPath"') }),
  );
});

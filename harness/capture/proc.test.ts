import { readFileSync } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pid } from 'node:process';
import { expect, test } from 'vitest';
import { countDescriptors, descriptorKind, parseCalls, parseCpuNs, readProc } from './proc.ts';

/** /proc/PID/stat with utime 123 and stime 45 ticks, of a process of this name. */
function stat(name: string): string {
  return `4711 (${name}) S 1 4711 4711 0 -1 4194560 900 0 0 0 123 45 7 8 20 0 9 0 1000 0 0`;
}

test.for(['server', 'hello http', 'a) S 9 9', '((', ') R 1', '', 'x (y) z'])(
  'CPU time of a process that is called «%s»',
  (name) => {
    expect(parseCpuNs(stat(name))).toBe(1_680_000_000);
  },
);

test.for([
  ['socket:[12345]', 'socket'],
  ['pipe:[12345]', 'pipe'],
  ['anon_inode:[eventpoll]', 'epoll'],
  ['anon_inode:[eventfd]', 'eventfd'],
  ['anon_inode:[io_uring]', 'io_uring'],
  ['anon_inode:bpf-prog', 'bpf'],
  ['anon_inode:inotify', 'inotify'],
  ['/dev/null', 'file'],
  ['/tmp/a file (deleted)', 'file'],
  ['/socket:[1]', 'file'],
  ['net:[4026531840]', 'other'],
] as const)('%s is of kind %s', ([target, kind]) => {
  expect(descriptorKind(target)).toBe(kind);
});

test('reads this process: CPU time grows, an open file is one more descriptor', async () => {
  const before = await readProc(pid);
  expect(before.cpuNs).toBeGreaterThan(0);
  expect(before.voluntarySwitches + before.involuntarySwitches).toBeGreaterThan(0);
  const dir = await mkdtemp(join(tmpdir(), 'pollgate-proc-'));
  const file = await open(join(dir, 'open'), 'w');
  try {
    const after = await readProc(pid);
    expect(after.openFds?.['file']).toBe((before.openFds?.['file'] ?? 0) + 1);
    expect(after.cpuNs).toBeGreaterThanOrEqual(before.cpuNs);
  } finally {
    await file.close();
    await rm(dir, { recursive: true });
  }
});

const io = `rchar: 6976
wchar: 12
syscr: 1010
syscw: 44
read_bytes: 0
write_bytes: 0
cancelled_write_bytes: 0
`;

test('calls are counted, not bytes; unknown where the kernel or a permission denies them', () => {
  expect(parseCalls(io)).toEqual({ readCalls: 1010, writeCalls: 44 });
  expect(parseCalls('')).toEqual({ readCalls: null, writeCalls: null });
});

test('reads of this process are counted', async () => {
  const before = await readProc(pid);
  for (let time = 0; time < 100; time++) {
    readFileSync('/proc/self/stat');
  }
  const after = await readProc(pid);
  expect((after.readCalls ?? 0) - (before.readCalls ?? 0)).toBeGreaterThanOrEqual(100);
  expect(after.writeCalls).not.toBeNull();
});

test('a process that is gone is an error, and its descriptors are unknown', async () => {
  // Linux hands out no pid above 2^22.
  await expect(readProc(2 ** 22 + 1)).rejects.toThrow('ENOENT');
  expect(await countDescriptors(2 ** 22 + 1)).toBeNull();
});

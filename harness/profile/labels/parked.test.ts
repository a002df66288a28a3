import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rootDir } from '../../lib/paths.ts';
import { decodeProfile } from '../decode.ts';
import { framesOf, type Profile, sampleValue } from '../profile.ts';
import { buildProgram, goReleases, minorOf } from '../testing/go-program.ts';
import { ioOperation, labelGoroutine } from './label.ts';
import { labelShares } from './shares.ts';
import { type DumpedGoroutine, parseGoroutineDump } from './testing/goroutine-dump.ts';

const source = join(rootDir, 'harness/profile/testdata/parkgoroutines.go');

/** By the function that a goroutine of the program waits in: its label by frames, and by reason. */
const expected: Record<string, [byFrames: string, byReason: string]> = {
  wantIoNetRead: ['io:wait(net)', 'io:wait(net)'],
  wantIoNetWrite: ['io:wait(net)', 'io:wait(net)'],
  wantIoNetAccept: ['io:wait(net)', 'io:wait(net)'],
  wantIoPipe: ['io:wait(pipe)', 'io:wait(pipe)'],
  wantChanRecv: ['chan:recv(block)', 'chan:recv(block)'],
  wantChanSend: ['chan:send(block)', 'chan:send(block)'],
  wantChanSelect: ['chan:select', 'chan:select'],
  // That a channel is nil is no function's name: only the reason says it.
  wantChanForeverRecv: ['chan:recv(block)', 'chan:forever'],
  wantChanForeverSend: ['chan:send(block)', 'chan:forever'],
  wantChanForeverSelect: ['chan:forever', 'chan:forever'],
  wantSyncMutex: ['sync:mutex', 'sync:mutex'],
  wantSyncRlock: ['sync:rlock', 'sync:rlock'],
  wantSyncWlock: ['sync:wlock', 'sync:wlock'],
  wantSyncWg: ['sync:wg', 'sync:wg'],
  wantSyncCond: ['sync:cond', 'sync:cond'],
  wantTimeSleep: ['time:sleep', 'time:sleep'],
  wantSyncFdmutexHolder: ['io:wait(net)', 'io:wait(net)'],
  wantSyncFdmutex: ['sync:fdmutex', 'sync:fdmutex'],
  wantSysRead: ['sys:read', 'sys:read'],
};

describe.each(goReleases())('goroutines of a program of Go $release $go.missing', ({ go }) => {
  let dir = '';
  let profile: Profile;
  let dump: DumpedGoroutine[] = [];

  beforeAll(() => {
    if (go.version !== null) {
      const built = buildProgram(go, source);
      dir = built.dir;
      execFileSync(built.binary, [dir], { timeout: 60_000 });
      profile = decodeProfile(readFileSync(join(dir, 'goroutine.pb.gz')));
      dump = parseGoroutineDump(readFileSync(join(dir, 'goroutine.txt'), 'utf8'));
    }
  }, 180_000);
  afterAll(() => dir !== '' && rmSync(dir, { recursive: true }));

  const waitingIn = (names: readonly string[]) =>
    names.map((name) => /^main\.(want\w+)$/.exec(name)?.[1]).find((name) => name !== undefined);

  test.skipIf(go.version === null)('each has the label of what it waits for, by its frames', () => {
    const found = Array.from({ length: profile.samples }, (_, sample) => {
      const names = framesOf(profile, sample).map(({ name }) => name);
      return [waitingIn(names), labelGoroutine(names)] as const;
    });
    const labels = Object.fromEntries(found.filter(([name]) => name !== undefined));
    const byFrames = Object.entries(expected).map(([name, [label]]) => [name, label]);
    expect(labels).toEqual(Object.fromEntries(byFrames));
  });

  test.skipIf(go.version === null)('and by the runtime’s word in the dump', () => {
    const found = dump.map(({ names, reason }) => [
      waitingIn(names),
      reason === 'syscall' ? labelGoroutine(names) : labelGoroutine(names, reason),
    ]);
    const labels = Object.fromEntries(found.filter(([name]) => name !== undefined));
    const byReason = Object.entries(expected).map(([name, [, label]]) => [name, label]);
    // Before 1.25 the header of a WaitGroup's says «semacquire», which the frames make precise.
    expect(minorOf(go.version ?? '')).toBeGreaterThan(18);
    expect(labels).toEqual(Object.fromEntries(byReason));
  });

  test.skipIf(go.version === null)('what a goroutine wants of its descriptor is told too', () => {
    const found = Array.from({ length: profile.samples }, (_, sample) => {
      const names = framesOf(profile, sample).map(({ name }) => name);
      return [waitingIn(names) ?? '', ioOperation(names)] as const;
    });
    const waits = found.filter(([name]) => name.startsWith('wantIo'));
    expect(Object.fromEntries(waits)).toEqual({
      ...{ wantIoNetRead: 'read', wantIoNetWrite: 'write', wantIoNetAccept: 'accept' },
      wantIoPipe: 'read',
    });
    expect(ioOperation(['runtime.gopark', 'internal/poll.(*FD).WaitWrite', 'net.f'])).toBe(
      'connect',
    );
    expect(ioOperation(['main.f'])).toBeUndefined();
  });

  test.skipIf(go.version === null)(
    'no goroutine is without a label, the profiler’s own apart',
    () => {
      const shares = labelShares(profile, 0, 'goroutine');
      const all = Array.from({ length: profile.samples }, (_, s) => sampleValue(profile, s, 0));
      expect(shares.total + shares.tool).toBe(all.reduce((a, b) => a + b, 0n));
      expect(Object.values(shares.byLabel).reduce((a, b) => a + b, 0n)).toBe(shares.total);
      expect(shares.byLabel['unlabelled'] ?? 0n).toBe(0n);
      expect(shares.labelled).toBe(shares.toLabel);
      expect(shares.toLabel).toBeGreaterThan(18n);
      expect(shares.tool).toBeGreaterThan(0n);
    },
  );
});

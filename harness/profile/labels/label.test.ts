import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { rootDir } from '../../lib/paths.ts';
import { labelBlocked, labelGoroutine, labelOnCpu } from './label.ts';
import { isSchedulerStack, isToolStack, toolFunctions } from './rules.ts';
import { parseGoroutineDump } from './testing/goroutine-dump.ts';
import { waitReasons } from './wait-reasons.ts';

const stack = (text: string) => text.split(' < ');

test('every wait reason has one label of the known kinds', () => {
  expect(Object.keys(waitReasons)).toHaveLength(47);
  for (const [reason, label] of Object.entries(waitReasons)) {
    expect(labelGoroutine(['runtime.gopark', 'main.main'], reason), reason).toBe(label);
    expect(label).toMatch(/^(io|chan|sync|time|gc|rt|test):[a-z()]+$/);
  }
});

describe('stacks that a program here does not easily bring about', () => {
  test.for([
    // Go 1.19: locks have one function to acquire a semaphore.
    [
      'runtime.gopark < runtime.goparkunlock < runtime.semacquire1 < sync.runtime_SemacquireMutex < sync.(*RWMutex).RLock < main.f',
      'sync:rlock',
    ],
    [
      'runtime.gopark < runtime.goparkunlock < runtime.semacquire1 < sync.runtime_SemacquireMutex < sync.(*Mutex).lockSlow < sync.(*Mutex).Lock < sync.(*RWMutex).Lock < main.f',
      'sync:mutex',
    ],
    [
      'runtime.gopark < runtime.goparkunlock < runtime.semacquire1 < sync.runtime_Semacquire < sync.(*WaitGroup).Wait < main.f',
      'sync:wg',
    ],
    [
      'runtime.gopark < runtime.goparkunlock < runtime.semacquire1 < sync.runtime_Semacquire < vendor.Lock',
      'sync:sem',
    ],
    [
      'runtime.gopark < runtime.goparkunlock < runtime.gcParkAssist < runtime.gcAssistAlloc < runtime.mallocgc < main.f',
      'gc:assist',
    ],
    ['runtime.gopark < runtime.gcBgMarkWorker', 'gc:idle'],
    [
      'runtime.gopark < runtime.semacquire1 < runtime.semacquire < runtime.stopTheWorld < runtime.GOMAXPROCS < main.f',
      'rt:stw',
    ],
    [
      'runtime.gopark < runtime.chanrecv < runtime.chanrecv1 < example.com/uring.(*Ring).waitFor < main.f',
      'io:wait(uring)',
    ],
    ['runtime.notetsleepg < os/signal.signal_recv < os/signal.loop', 'rt:other'],
    ['runtime.gopark < main.f', 'unlabelled'],
    ['main.f < main.main', 'run'],
    // A type parameter may hold the name of any package, and a user's package that of ours.
    [
      'runtime.gopark < runtime.chanrecv < runtime.chanrecv1 < main.f[go.shape.struct { sync.(*Mutex).Lock }]',
      'chan:recv(block)',
    ],
    ['runtime.gopark < example.com/runtime.chanrecv1 < main.main', 'unlabelled'],
  ])('%s', ([names, label]) => {
    expect(labelGoroutine(stack(names as string))).toBe(label);
  });
});

describe('CPU time', () => {
  test.for([
    [
      'internal/runtime/syscall/linux.Syscall6 < internal/runtime/syscall/linux.EpollWait < runtime.netpoll < runtime.findRunnable < runtime.schedule < runtime.park_m < runtime.mcall',
      'sched:poll(epoll)',
    ],
    [
      'runtime.epollwait < runtime.netpoll < runtime.findrunnable < runtime.schedule',
      'sched:poll(epoll)',
    ],
    [
      'internal/runtime/syscall/linux.Syscall6 < runtime.iouringWait < runtime.netpoll < runtime.findRunnable < runtime.mcall',
      'sched:poll(uring)',
    ],
    [
      'internal/runtime/syscall/linux.Syscall6 < runtime.iouringSubmit < runtime.iouringArm < runtime.netpollopen < internal/poll.runtime_pollOpen < net.f',
      'sys:uring_enter',
    ],
    [
      'runtime.futex < runtime.futexsleep < runtime.notesleep < runtime.mPark < runtime.stopm < runtime.findRunnable < runtime.mcall',
      'sched:park(M)',
    ],
    [
      'runtime.futex < runtime.futexwakeup < runtime.notewakeup < runtime.startm < runtime.wakep < runtime.ready < runtime.goready < main.f',
      'sched:wake(M)',
    ],
    [
      'runtime.procyield < runtime.lock2 < runtime.lockWithRank < runtime.findRunnable < runtime.mcall',
      'rt:lock',
    ],
    [
      'runtime.runqget < runtime.findRunnable < runtime.schedule < runtime.park_m < runtime.mcall',
      'sched:switch',
    ],
    [
      'internal/runtime/atomic.(*Uint32).CompareAndSwap < runtime.casgstatus < runtime.ready < runtime.goready.func1 < runtime.systemstack < main.f',
      'sched:ready',
    ],
    [
      'internal/runtime/syscall/linux.Syscall6 < syscall.RawSyscall6 < syscall.Syscall < syscall.read < syscall.Read < internal/poll.(*FD).Read < net.f',
      'sys:read',
    ],
    [
      'internal/runtime/syscall/linux.Syscall6 < syscall.RawSyscall6 < syscall.Syscall6 < syscall.Splice < internal/poll.splice',
      'sys:splice',
    ],
    [
      'runtime.exitsyscall < syscall.Syscall < syscall.write < internal/poll.(*FD).Write',
      'sys:enter/exit',
    ],
    [
      'syscall.RawSyscall6 < syscall.Syscall6 < example.com/ring.ioUringEnter < main.f',
      'sys:uring_enter',
    ],
    ['syscall.RawSyscall6 < syscall.Syscall6 < example.com/ring.other < main.f', 'sys:other'],
    [
      'runtime.scanobject < runtime.gcDrain < runtime.gcBgMarkWorker.func2 < runtime.systemstack',
      'gc:work',
    ],
    ['runtime.acquirem < runtime.goready < runtime.send < main.f', 'sched:ready'],
    ['runtime.mallocgc < main.f', 'run'],
    ['main.finalizer < runtime.runFinalizers', 'run'],
    ['runtime.unknown < runtime.mstart', 'unlabelled'],
  ])('%s', ([names, label]) => {
    expect(labelOnCpu(stack(names as string))).toBe(label);
  });

  test('the scheduler’s is known by where its stack begins or by its doors, not by its label', () => {
    expect(isSchedulerStack(stack('runtime.unknown < runtime.mstart'))).toBe(true);
    expect(isSchedulerStack(stack('runtime.x < runtime.goready < main.f'))).toBe(true);
    expect(isSchedulerStack(stack('runtime.mallocgc < main.f'))).toBe(false);
  });
});

test.for([
  ['internal/poll.(*FD).Read < net.(*netFD).Read < main.f', 'network', 'io:wait(net)'],
  ['internal/poll.(*FD).Read < os.(*File).Read < main.f', 'network', 'io:wait(pipe)'],
  ['sync.(*Mutex).Lock < main.f', 'sync', 'sync:mutex'],
  ['internal/poll.(*fdMutex).rwlock < internal/poll.(*FD).Read < main.f', 'sync', 'sync:fdmutex'],
  [
    'runtime.chanrecv1 < example.com/io_uring.(*Ring).waitFor < main.f',
    'chan receive',
    'io:wait(uring)',
  ],
  ['main.f', 'sync', 'unlabelled'],
  ['runtime.gopark < runtime.goparkunlock < runtime.bgsweep', 'unknown', 'gc:idle'],
  ['main.f', 'unknown', 'unlabelled'],
  ['main.f', 'constructor', 'unlabelled'],
] as const)('blocked in a trace: %s, %s', ([names, reason, label]) => {
  expect(labelBlocked(stack(names), reason)).toBe(label);
});

test('tools are told from programs that use their packages', () => {
  expect(isToolStack(['runtime.gopark', 'net/http/pprof.sleep', 'net/http/pprof.Trace'])).toBe(
    true,
  );
  expect(isToolStack(['runtime.chanrecv1', 'runtime.(*traceAdvancerState).start.func1'])).toBe(
    true,
  );
  expect(isToolStack(['main.f', 'runtime/pprof.Do', 'main.main'])).toBe(false);
  expect(isToolStack(['main.f', 'runtime/trace.WithRegion', 'main.main'])).toBe(false);
});

test('a trace has the same tools subtracted', () => {
  const path = join(rootDir, 'go-fixtures/cmd/tracesum/tool.go');
  const [, list = ''] = readFileSync(path, 'utf8').split('var toolFunctions = []string{');
  const names = [...(list.split('\n}')[0] ?? '').matchAll(/"(.+)"/g)].map(([, name]) => name);
  expect(names).toEqual(toolFunctions);
});

test('a dump gives reason, remarks and names', () => {
  const text = `goroutine 7 gp=0xc000002380 m=nil [chan receive (leaked), 2 minutes, locked to thread]:
main.(*T).f(0x1?, {0x2, 0x3})
\t/src/main.go:12 +0x15
created by main.main in goroutine 1
\t/src/main.go:5 +0x20

goroutine 9 [chan receive (nil chan) (scan)]:
main.g[...](...)
\t/src/main.go:13
`;
  expect(parseGoroutineDump(text)).toEqual([
    {
      id: 7,
      reason: 'chan receive',
      remarks: '(leaked), 2 minutes, locked to thread',
      names: ['main.(*T).f'],
    },
    { id: 9, reason: 'chan receive (nil chan)', remarks: '(scan)', names: ['main.g[...]'] },
  ]);
  expect(parseGoroutineDump('<html>404</html>')).toEqual([]);
});

test('a connection that a file is written from is the network, not a pipe', () => {
  const download = [
    ...['runtime.gopark', 'runtime.netpollblock', 'internal/poll.runtime_pollWait'],
    ...['internal/poll.(*pollDesc).wait', 'internal/poll.(*FD).Read', 'net.(*netFD).Read'],
    ...['net/http.(*persistConn).Read', 'io.copyBuffer', 'os.genericReadFrom'],
    ...['os.(*File).ReadFrom', 'io.Copy', 'main.download'],
  ];
  expect(labelGoroutine(download)).toBe('io:wait(net)');
  const pipe = [...download.slice(0, 5), 'os.(*File).Read', 'main.main'];
  expect(labelGoroutine(pipe)).toBe('io:wait(pipe)');
});

test('a goroutine that was preempted has work left', () => {
  const loop = ['runtime.asyncPreempt2', 'runtime.asyncPreempt', 'main.spin', 'runtime.goexit'];
  expect(labelGoroutine(loop)).toBe('run');
  expect(labelGoroutine(['runtime.Gosched', 'main.spin'])).toBe('run');
});

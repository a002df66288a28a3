/**
 * Functions that tell what a stack waits for or what the scheduler does in it: of the system's frames
 * at the leaf, the first that stands here decides. `since` and `until` are the minor releases of Go 1
 * in which the function is there (19 to 27 were looked at); names are unique over all of them, so
 * that a stack is labelled without knowing its Go. A test looks for each name in the sources of the
 * Go releases at hand: most of these functions are assembly or linknames, which nothing else checks.
 */
export interface Rule {
  /** As a profile names it. */
  name: string;
  label: string;
  since: number;
  until: number;
}

/** The newest release that was looked at. */
const newest = 27;

/**
 * @param names each alone, or with releases behind: `runtime.runfinq 19-24`, `runtime.runCleanups 25-`
 */
function rules(label: string, ...names: string[]): Rule[] {
  return names.map((text) => {
    const [name = '', range = '-'] = text.split(' ');
    const [since = '', until = ''] = range.split('-');
    return { name, label, since: Number(since || 19), until: Number(until || newest) };
  });
}

/** Of goroutines that are parked or, in an execution trace, blocked. */
export const parkedRules: readonly Rule[] = [
  ...rules('io:wait(net)', 'runtime.netpollblock', 'internal/poll.runtime_pollWait'),
  ...rules('io:wait(net)', 'internal/poll.runtime_pollWaitCanceled'),
  ...rules('chan:recv(block)', 'runtime.chanrecv', 'runtime.chanrecv1', 'runtime.chanrecv2'),
  ...rules('chan:send(block)', 'runtime.chansend', 'runtime.chansend1'),
  ...rules('chan:select', 'runtime.selectgo'),
  ...rules('chan:forever', 'runtime.block'),
  // Who acquires a semaphore is told by the lock's method; of Go 1.19's functions only by it.
  ...rules('sync:mutex', 'sync.(*Mutex).Lock', 'sync.(*Mutex).lockSlow 19-23'),
  ...rules('sync:mutex', 'internal/sync.(*Mutex).Lock 24-', 'internal/sync.(*Mutex).lockSlow 24-'),
  ...rules('sync:rlock', 'sync.(*RWMutex).RLock', 'sync.runtime_SemacquireRWMutexR 20-'),
  ...rules('sync:wlock', 'sync.(*RWMutex).Lock', 'sync.runtime_SemacquireRWMutex 20-'),
  ...rules('sync:wg', 'sync.(*WaitGroup).Wait', 'sync.runtime_SemacquireWaitGroup 24-'),
  ...rules('sync:cond', 'sync.(*Cond).Wait', 'sync.runtime_notifyListWait'),
  ...rules('sync:fdmutex', 'internal/poll.runtime_Semacquire'),
  ...rules('sync:fdmutex', 'internal/poll.(*fdMutex).rwlock', 'internal/poll.(*FD).Close'),
  ...rules('time:sleep', 'time.Sleep'),
  ...rules('gc:assist', 'runtime.gcParkAssist', 'runtime.gcAssistAlloc'),
  ...rules(
    'gc:wait',
    'runtime.GC',
    'runtime.gcStart',
    'runtime.gcMarkDone',
    'runtime.gcWaitOnMark',
  ),
  ...rules('gc:wait', 'runtime.gcParkStrongFromWeak 24-'),
  ...rules('gc:idle', 'runtime.bgsweep', 'runtime.bgscavenge', 'runtime.forcegchelper'),
  ...rules('gc:idle', 'runtime.gcBgMarkWorker', 'runtime.runfinq 19-24'),
  ...rules('gc:idle', 'runtime.runFinalizers 25-', 'runtime.runCleanups 25-'),
  ...rules('rt:stw', 'runtime.stopTheWorld', 'runtime.stopTheWorldGC'),
  ...rules('rt:trace', 'runtime.ReadTrace', 'runtime.readTrace0 20-'),
  ...rules('rt:other', 'runtime.coroswitch 22-', 'runtime.updateMaxProcsGoroutine 25-'),
  ...rules('rt:other', 'os/signal.signal_recv', 'runtime.(*profBuf).read'),
  ...rules('test:synctest', 'internal/synctest.Run 24-', 'internal/synctest.Wait 24-'),
];

/** Of samples of CPU time, and of goroutines that a goroutine profile finds in a system call. */
export const cpuRules: readonly Rule[] = [
  ...rules('sched:poll(epoll)', 'runtime.netpoll', 'runtime.epollwait 19-20'),
  ...rules('sched:poll(epoll)', 'runtime/internal/syscall.EpollWait 21-22'),
  ...rules('sched:poll(epoll)', 'internal/runtime/syscall.EpollWait 23-25'),
  ...rules('sched:poll(epoll)', 'internal/runtime/syscall/linux.EpollWait 26-'),
  ...rules('sys:epoll_ctl', 'runtime.netpollopen', 'runtime.netpollclose', 'runtime.netpollarm'),
  ...rules('sys:epoll_ctl', 'runtime.epollctl 19-20'),
  ...rules('sched:park(M)', 'runtime.notesleep', 'runtime.mPark', 'runtime.stopm'),
  ...rules('sched:park(M)', 'runtime.notetsleep', 'runtime.notetsleep_internal'),
  ...rules('sched:wake(M)', 'runtime.notewakeup', 'runtime.startm', 'runtime.wakep'),
  ...rules('sched:wake(M)', 'runtime.newm', 'runtime.newosproc', 'runtime.netpollBreak'),
  ...rules('sched:wake(M)', 'runtime.wakeNetPoller', 'runtime.handoffp', 'runtime.startlockedm'),
  ...rules('rt:lock', 'runtime.lock2', 'runtime.unlock2'),
  ...rules('sched:sysmon', 'runtime.sysmon', 'runtime.retake'),
  ...rules('sched:switch', 'runtime.mcall', 'runtime.park_m', 'runtime.schedule'),
  ...rules('sched:switch', 'runtime.findRunnable', 'runtime.execute', 'runtime.gogo'),
  ...rules('sched:switch', 'runtime.goexit0', 'runtime.goschedImpl', 'runtime.gopreempt_m'),
  ...rules('sched:switch', 'runtime.gopark', 'runtime.Gosched', 'runtime.goyield'),
  ...rules(
    'sched:switch',
    'runtime.injectglist',
    'runtime.stoplockedm',
    'runtime.exitsyscall0 19-25',
  ),
  ...rules('sched:switch', 'runtime.exitsyscallNoP 26-', 'runtime.gcstopm'),
  ...rules('sched:switch', 'runtime.asyncPreempt', 'runtime.asyncPreempt2', 'runtime.preemptPark'),
  ...rules('sched:ready', 'runtime.goready', 'runtime.ready', 'runtime.runqput', 'runtime.newproc'),
  ...rules('sched:ready', 'runtime.newproc1', 'runtime.casgstatus', 'runtime.readyWithTime'),
  ...rules('sys:enter/exit', 'runtime.entersyscall', 'runtime.reentersyscall'),
  ...rules('sys:enter/exit', 'runtime.exitsyscall', 'runtime.entersyscallblock'),
  ...rules('sys:enter/exit', 'runtime.exitsyscallfast 19-25'),
  ...rules('gc:assist', 'runtime.gcAssistAlloc'),
  ...rules('gc:work', 'runtime.gcBgMarkWorker', 'runtime.gcDrain', 'runtime.bgsweep'),
  ...rules('gc:work', 'runtime.bgscavenge', 'runtime.gcStart', 'runtime.wbBufFlush'),
];

/**
 * Whether a stack is the scheduler's, found without the labels, so that the share that they name can
 * be stated: what runs on a stack of the scheduler, and on a goroutine's what it calls to block, to
 * wake others and to enter and leave system calls.
 * @param names leaf first
 */
export function isSchedulerStack(names: readonly string[]): boolean {
  return schedulerRoots.has(names.at(-1) ?? '') || names.some((name) => schedulerDoors.has(name));
}

const schedulerRoots: ReadonlySet<string> = new Set(
  ['mcall', 'mstart', 'mstart0', 'mstart1', 'schedule', 'sysmon'].map((name) => `runtime.${name}`),
);

const schedulerDoors: ReadonlySet<string> = new Set(
  [
    ...['gopark', 'goready', 'ready', 'schedule', 'findRunnable', 'netpoll', 'wakep', 'startm'],
    ...['stopm', 'park_m', 'newproc1', 'Gosched', 'goschedImpl', 'entersyscall', 'exitsyscall'],
    ...['entersyscallblock', 'sysmon'],
  ].map((name) => `runtime.${name}`),
);

/**
 * Whether a stack belongs to whoever profiles the process, not to the process: the tracer, the
 * profilers and the HTTP handlers that serve them. pprof.Do and trace.WithRegion are the process's own.
 * @param names in any order
 */
export function isToolStack(names: readonly string[]): boolean {
  return names.some((name) => toolFunctions.some((tool) => name.startsWith(tool)));
}

/** Kept in step with go-fixtures/cmd/tracesum/tool.go, which subtracts them from a trace. */
export const toolFunctions: readonly string[] = [
  ...['net/http/pprof.', 'runtime/pprof.profileWriter', 'runtime/pprof.writeGoroutine'],
  ...['runtime/pprof.(*Profile).WriteTo', 'runtime/trace.Start', 'runtime/trace.Stop'],
  ...['runtime/trace.(*traceMultiplexer)', 'runtime/trace.(*FlightRecorder)'],
  ...['runtime/trace.(*recording)', 'runtime.traceStartReadCPU', 'runtime.traceAdvance'],
  ...['runtime.(*traceAdvancerState)', 'runtime.(*profBuf).read', 'runtime.ReadTrace'],
];

import { cpuRules, parkedRules, type Rule } from './rules.ts';
import { coarseReasons, formerReasons, traceReasons, waitReasons } from './wait-reasons.ts';

/** The label of a parked or scheduler stack that no rule knows. */
export const unlabelled = 'unlabelled';

/** The label of a stack that neither waits nor is the scheduler's: the program's own work. */
export const running = 'run';

const parkedLabels = labelsOf(parkedRules);
const cpuLabels = labelsOf(cpuRules);

function labelsOf(rules: readonly Rule[]): ReadonlyMap<string, string> {
  return new Map(rules.map(({ name, label }) => [name, label]));
}

/**
 * What a goroutine of a goroutine profile stands at: a label of the parked, of the system calls
 * (`sys:read`), or `run` for one that runs or could run, which such a profile does not tell apart.
 * @param names leaf first
 * @param reason the runtime's word for it, where a goroutine dump was taken too
 */
export function labelGoroutine(names: readonly string[], reason?: string): string {
  const [leaf = ''] = names;
  if (reason === undefined && preempted.test(leaf)) {
    return running;
  }
  if (reason === undefined && !isParked(leaf)) {
    return labelOnCpu(names);
  }
  const known =
    reason === undefined
      ? undefined
      : (ownLabel(waitReasons, reason) ?? ownLabel(formerReasons, reason));
  if (known !== undefined && !coarseReasons.has(reason ?? '')) {
    return known;
  }
  return parkedBy(names) ?? known ?? unlabelled;
}

/**
 * What a goroutine of an execution trace is blocked on.
 * @param names leaf first; a trace leaves out the runtime's innermost frames
 * @param reason the trace's word for it; unknown where the goroutine was blocked before the trace
 */
export function labelBlocked(names: readonly string[], reason: string): string {
  const known = ownLabel(traceReasons, reason);
  if (known === 'io:wait(net)') {
    return waitOnDescriptor(names);
  }
  if (known === 'chan:recv(block)' || known === 'chan:send(block)') {
    return onRing(names) ? 'io:wait(uring)' : known;
  }
  return known ?? parkedBy(names) ?? unlabelled;
}

/**
 * What a sample of CPU time was spent on: the scheduler (`sched:…`), a system call (`sys:…`), the
 * collector (`gc:…`), a lock of the runtime (`rt:lock`), or the program (`run`).
 * @param names leaf first
 */
export function labelOnCpu(names: readonly string[]): string {
  const depth = systemDepth(names);
  for (let at = 0; at < depth; at++) {
    const name = names[at] ?? '';
    const label = cpuLabels.get(name) ?? systemCall(names, at);
    if (label !== undefined) {
      return names.some((n) => n.startsWith('runtime.iouring')) ? (onUring[label] ?? label) : label;
    }
  }
  return names.some((name) => name === 'runtime.mstart') ? unlabelled : running;
}

/** What the netpoller's functions do where it polls by io_uring; they keep their names. */
const onUring: Readonly<Record<string, string>> = {
  'sched:poll(epoll)': 'sched:poll(uring)',
  'sys:epoll_ctl': 'sys:uring_enter',
};

/** Leaves of goroutines that gave up their thread, or had to, with work left. */
const preempted = /^runtime\.(asyncPreempt2?|preemptPark|Gosched|goyield)$/;

/** Leaves of goroutines that are parked, or blocked inside the runtime. */
function isParked(leaf: string): boolean {
  return leaf === 'runtime.gopark' || leaf === 'runtime.notetsleepg';
}

function parkedBy(names: readonly string[]): string | undefined {
  const depth = systemDepth(names);
  for (let at = 0; at < depth; at++) {
    const label = parkedLabels.get(names[at] ?? '');
    switch (label) {
      case undefined:
        break;
      case 'io:wait(net)':
        return waitOnDescriptor(names);
      case 'chan:recv(block)':
      case 'chan:send(block)':
      case 'sync:cond':
        return onRing(names) ? 'io:wait(uring)' : label;
      default:
        return label;
    }
  }
  return names.some((name) => semaphore.test(name)) ? 'sync:sem' : undefined;
}

const semaphore = /^runtime\.semacquire1?$|\.runtime_Semacquire/;

/** A library that gives the completions of a ring to its goroutines waits for the network by other means. */
function onRing(names: readonly string[]): boolean {
  return names.some((name) => ringWait.test(name));
}

const ringWait = /(^|[/_.])(io_?)?uring\.\(\*Ring\)\.wait/i;

/**
 * Files that the netpoller serves are pipes and terminals; all else has an address. The innermost frame
 * outside the poller tells whose descriptor it is: a file may stand further out, to copy from a connection.
 */
function waitOnDescriptor(names: readonly string[]): string {
  const owner = names.find((name) => !/^(runtime|internal\/poll)\./.test(name));
  return owner?.startsWith('os.(*File).') ? 'io:wait(pipe)' : 'io:wait(net)';
}

/**
 * What a goroutine with the label `io:wait(…)` wants of its descriptor; undefined where its frames do
 * not tell.
 * @param names leaf first
 */
export function ioOperation(names: readonly string[]): IoOperation | undefined {
  const method = names
    .map((name) => /^internal\/poll\.\(\*FD\)\.(\w+)/.exec(name)?.[1])
    .find((each) => each !== undefined);
  return ioMethods.find(([pattern]) => pattern.test(method ?? ''))?.[1];
}

type IoOperation = 'read' | 'write' | 'accept' | 'connect';

/** Methods of `internal/poll.FD` that wait. */
const ioMethods: readonly (readonly [RegExp, IoOperation])[] = [
  [/^Accept/, 'accept'],
  // Nothing else waits for a descriptor to become writable without writing.
  [/^WaitWrite$/, 'connect'],
  [/^(Read|Pread|RawRead)/, 'read'],
  [/^(Write|Pwrite|RawWrite|SendFile)/, 'write'],
];

/**
 * The label of a system call's wrapper. Every call has one and the same leaf (`…syscall.Syscall6`),
 * so that the frame that called it has to say which one it is.
 */
function systemCall(names: readonly string[], at: number): string | undefined {
  const name = names[at] ?? '';
  const call =
    /^(?:syscall|golang\.org\/x\/sys\/unix|internal\/syscall\/unix)\.([A-Za-z]\w*)$/.exec(
      name,
    )?.[1];
  if (call !== undefined && !bareCalls.has(call)) {
    return ringEnter.test(call) ? 'sys:uring_enter' : `sys:${call.toLowerCase()}`;
  }
  // The program called it by number.
  const caller = names[at + 1] ?? '';
  if (call !== undefined && !isSystem(caller)) {
    return ringEnter.test(caller) ? 'sys:uring_enter' : 'sys:other';
  }
  return undefined;
}

const ringEnter = /uring.*enter/i;

/** Ways into the kernel that every call takes. */
const bareCalls: ReadonlySet<string> = new Set([
  ...['Syscall', 'Syscall6', 'RawSyscall', 'RawSyscall6', 'SyscallN', 'SyscallNoError'],
  ...['RawSyscallNoError', 'rawSyscallNoError', 'rawVforkSyscall', 'runtime_entersyscall'],
  ...['runtime_exitsyscall', 'rawSyscall', 'syscall', 'syscall6'],
]);

/** The frames at the leaf that are the runtime's and the system packages'. */
function systemDepth(names: readonly string[]): number {
  const own = names.findIndex((name) => !isSystem(name));
  return own < 0 ? names.length : own;
}

const systemPackages: ReadonlySet<string> = new Set([
  ...['runtime', 'runtime/internal/syscall', 'runtime/internal/atomic', 'internal/runtime/syscall'],
  ...['internal/runtime/syscall/linux', 'internal/runtime/atomic', 'internal/runtime/sys'],
  ...['sync', 'internal/sync', 'syscall', 'internal/poll', 'internal/syscall/unix'],
  ...['golang.org/x/sys/unix', 'internal/synctest', 'time', 'os/signal', 'runtime/trace'],
  ...['runtime/pprof', 'runtime/debug', 'iter'],
]);

function isSystem(name: string): boolean {
  // Type parameters hold the names of other packages: «slices.Sort[go.shape.int]».
  const [plain = ''] = name.split('[', 1);
  const from = plain.lastIndexOf('/') + 1;
  const dot = plain.indexOf('.', from);
  return dot < 0 ? assembly.test(plain) : systemPackages.has(plain.slice(0, dot));
}

/** Labels of the runtime's assembly have no package: gogo, gosave_systemstack_switch, aeshashbody. */
const assembly = /^\w+$/;

function ownLabel<T>(table: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

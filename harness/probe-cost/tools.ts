/** What others offer for the same questions, from Debian packages. */
export interface Tool {
  /** As in `--only` and in the table. */
  id: string;
  /** Its command, and the package that brings it. */
  program: string;
  package: string;
  /** The question, and how it differs from that of netprobe. */
  how: string;
  /** Its arguments for one process. */
  args(pid: number): readonly string[];
}

/** bpftrace says so itself when all is attached: its own words come before. */
const sayReady = 'interval:ms:200 { if (@ready == 0) { @ready = 1; printf("ready\\n"); } }';

/** The time of every system call of a process, as a histogram by call: what the set kernel is about. */
const systemCalls = (pid: number) =>
  [
    `tracepoint:raw_syscalls:sys_enter /pid == ${pid}/ { @begin[tid] = nsecs; }`,
    `tracepoint:raw_syscalls:sys_exit /pid == ${pid} && @begin[tid]/ { @ns[args->id] = hist(nsecs - @begin[tid]); delete(@begin[tid]); }`,
    sayReady,
  ].join(' ');

/** From runtime.netpollready to the next runtime.execute of the same thread: what the set runtime is about. */
const wakeUps = (pid: number) =>
  [
    `uprobe:/proc/${pid}/exe:"runtime.netpollready" { @ready_at[tid] = nsecs; }`,
    `uprobe:/proc/${pid}/exe:"runtime.execute" /@ready_at[tid]/ { @ns = hist(nsecs - @ready_at[tid]); delete(@ready_at[tid]); }`,
    sayReady,
  ].join(' ');

const bpftrace = (id: string, how: string, script: (pid: number) => string): Tool => ({
  ...{ id, how, program: 'bpftrace', package: 'bpftrace' },
  args: (pid) => ['-q', '-B', 'line', '-e', script(pid)],
});

const bcc = (program: string, how: string): Tool => ({
  ...{ id: program, how, program, package: 'bpfcc-tools' },
  args: (pid) => ['-p', String(pid)],
});

export const tools: readonly Tool[] = [
  bpftrace(
    'bpftrace-kernel',
    'time of each system call, by tracepoint, which needs tracefs',
    systemCalls,
  ),
  bpftrace(
    'bpftrace-runtime',
    'netpollready to the thread’s next execute, by uprobe; which goroutine it is it does not know',
    wakeUps,
  ),
  bcc('syscount-bpfcc', 'system calls of the process, counted by name'),
  bcc('tcplife-bpfcc', 'connections of the process: bytes and age at their end'),
  bcc('runqlat-bpfcc', 'time in the run queue of the kernel'),
];

/** What `npm run toolchain -- --test` runs of Go's own tests. */
export interface TestedPackage {
  /** Import path. */
  path: string;
  /**
   * Whether with -short: long tests of `net` ask name servers of the internet and wait for minutes
   * without them, those of `os`, `net/http` and `runtime` take minutes and test other things.
   */
  short: boolean;
  /** -run: the names that concern the netpoller; '' for all. */
  run: string;
  /** How often each side repeats it where the user does not say. */
  count: number;
  /** A turn that takes longer hangs: far beyond what it takes on a busy machine. */
  timeoutMs: number;
}

const minuteMs = 60_000;

/** Every package that reaches the netpoller; most of what can go wrong shows in `net` and `os`. */
export const testedPackages: readonly TestedPackage[] = [
  { path: 'internal/poll', short: false, run: '', count: 5, timeoutMs: 5 * minuteMs },
  { path: 'net', short: true, run: '', count: 20, timeoutMs: 10 * minuteMs },
  { path: 'os', short: true, run: '', count: 20, timeoutMs: 10 * minuteMs },
  { path: 'os/exec', short: false, run: '', count: 5, timeoutMs: 5 * minuteMs },
  {
    path: 'runtime',
    short: true,
    run: 'Netpoll|Timer|Deadlock|Sleep|LockOSThread|LockThread|Poll',
    count: 2,
    timeoutMs: 10 * minuteMs,
  },
  { path: 'net/http', short: true, run: '', count: 2, timeoutMs: 15 * minuteMs },
];

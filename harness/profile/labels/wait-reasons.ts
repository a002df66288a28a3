/**
 * Why a parked goroutine waits, in the runtime's own words, and our label for it. The words are
 * `waitReasonStrings` of runtime/runtime2.go; they stand in the header of each goroutine of a dump
 * (`/debug/pprof/goroutine?debug=2`). A test holds them against the sources of the Go at hand.
 */
export const waitReasons: Readonly<Record<string, string>> = {
  'IO wait': 'io:wait(net)',
  'chan receive': 'chan:recv(block)',
  'chan send': 'chan:send(block)',
  select: 'chan:select',
  'chan receive (nil chan)': 'chan:forever',
  'chan send (nil chan)': 'chan:forever',
  'select (no cases)': 'chan:forever',
  semacquire: 'sync:sem',
  'sync.Mutex.Lock': 'sync:mutex',
  'sync.RWMutex.RLock': 'sync:rlock',
  'sync.RWMutex.Lock': 'sync:wlock',
  'sync.WaitGroup.Wait': 'sync:wg',
  'sync.Cond.Wait': 'sync:cond',
  sleep: 'time:sleep',
  'GC assist marking': 'gc:assist',
  'GC assist wait': 'gc:assist',
  'wait for GC cycle': 'gc:wait',
  'GC weak to strong wait': 'gc:wait',
  'garbage collection': 'gc:wait',
  'garbage collection scan': 'gc:wait',
  'GC mark termination': 'gc:wait',
  'flushing proc caches': 'gc:wait',
  'dumping heap': 'gc:wait',
  'GC sweep wait': 'gc:idle',
  'GC scavenge wait': 'gc:idle',
  'GC worker (idle)': 'gc:idle',
  'GC worker (active)': 'gc:idle',
  'force gc (idle)': 'gc:idle',
  'finalizer wait': 'gc:idle',
  'cleanup wait': 'gc:idle',
  'stopping the world': 'rt:stw',
  'trace reader (blocked)': 'rt:trace',
  'trace goroutine status': 'rt:trace',
  'trace proc status': 'rt:trace',
  'page trace flush': 'rt:trace',
  preempted: 'rt:other',
  'debug call': 'rt:other',
  panicwait: 'rt:other',
  coroutine: 'rt:other',
  'GOMAXPROCS updater (idle)': 'rt:other',
  '': 'rt:other',
  'synctest.Run': 'test:synctest',
  'synctest.Wait': 'test:synctest',
  'chan receive (durable)': 'test:synctest',
  'chan send (durable)': 'test:synctest',
  'select (durable)': 'test:synctest',
  'sync.WaitGroup.Wait (durable)': 'test:synctest',
};

/** Words of Go 1.24 that later releases have put otherwise. */
export const formerReasons: Readonly<Record<string, string>> = {
  'chan receive (synctest)': 'test:synctest',
  'chan send (synctest)': 'test:synctest',
  'select (synctest)': 'test:synctest',
};

/** Too coarse by themselves: whom a goroutine waits for only its frames say. */
export const coarseReasons: ReadonlySet<string> = new Set(['IO wait', 'semacquire', '']);

/**
 * The coarser words of an execution trace, `traceBlockReasonStrings` of runtime/traceruntime.go.
 * `null` where the frames alone decide; what they do not tell is unlabelled.
 */
export const traceReasons: Readonly<Record<string, string | null>> = {
  unspecified: null,
  sync: null,
  'system goroutine wait': null,
  preempted: 'rt:other',
  forever: 'chan:forever',
  network: 'io:wait(net)',
  // Not the runtime's word but tracesum's, which says when it infers it.
  'network (inferred)': 'io:wait(net)',
  select: 'chan:select',
  'sync.(*Cond).Wait': 'sync:cond',
  'chan send': 'chan:send(block)',
  'chan receive': 'chan:recv(block)',
  'GC mark assist wait for work': 'gc:assist',
  'GC background sweeper wait': 'gc:idle',
  'wait for debug call': 'rt:other',
  'wait until GC ends': 'gc:wait',
  sleep: 'time:sleep',
  'GC weak to strong wait': 'gc:wait',
  synctest: 'test:synctest',
};

import { expect, test } from 'vitest';
import { essence } from './run.ts';

test('of the last words of a program, the line that says why', () => {
  const message = [
    'bpftrace-kernel ended by itself: exit code 1.',
    '  WARNING: a limit',
    '  stdin:1:1-34: ERROR: tracepoint not found: raw_syscalls:sys_enter',
    '  tracepoint:raw_syscalls:sys_enter { @begin[tid] = nsecs; }',
    '  ~~~~~~~~',
  ].join('\n');
  expect(essence(message)).toBe(
    'bpftrace-kernel ended by itself: exit code 1. stdin:1:1-34: ERROR: tracepoint not found: raw_syscalls:sys_enter',
  );
  expect(essence('netprobe said nothing for 15000 ms.')).toBe(
    'netprobe said nothing for 15000 ms.',
  );
  expect(essence('It ended.\n  one\n  two')).toBe('It ended. two');
});

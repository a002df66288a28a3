import { afterEach, expect, test, vi } from 'vitest';
import { overlayRefusal, withProgress } from './build.ts';

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

test.for([
  [
    'go run failed in /x:\n  overlay: unsupported Go version go1.28; supported are go1.26, go1.27: install\n  exit status 1',
    'unsupported Go version go1.28; supported are go1.26, go1.27: install',
  ],
  [
    'unsupported platform linux/riscv64; supported',
    'unsupported platform linux/riscv64; supported',
  ],
  ['go build failed in /x:\n  undefined: y', undefined],
])('a Go without a netpoller is told from a build that fails: %s', ([message, refusal]) => {
  expect(overlayRefusal(message ?? '')).toBe(refusal);
});

test('a build that takes long says so every ten seconds, and not after it', async () => {
  vi.useFakeTimers();
  const log = vi.spyOn(console, 'log').mockImplementation(() => {});
  const work = withProgress(() => new Promise((resolve) => setTimeout(resolve, 25_000, 'built')));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(await work).toBe('built');
  expect(log.mock.calls.flat()).toEqual([
    'set-up: still building, 10 s',
    'set-up: still building, 20 s',
  ]);
});

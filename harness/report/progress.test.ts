import type { WriteStream } from 'node:tty';
import { expect, onTestFinished, test, vi } from 'vitest';
import { watchProgress } from './progress.ts';

test('without a terminal a long stage says every 10 s that it goes on, and for how long', () => {
  vi.useFakeTimers();
  onTestFinished(() => {
    vi.useRealTimers();
  });
  let text = '';
  const write = (chunk: string) => {
    text += chunk;
  };
  const progress = watchProgress({ isTTY: false, write } as unknown as WriteStream);
  progress.listen({ type: 'stage', text: 'building 7 Go programs' });
  vi.advanceTimersByTime(25_000);
  progress.stop();
  vi.advanceTimersByTime(25_000);
  const stage = 'building 7 Go programs';
  expect(text).toBe(`${stage}\n${stage}, 10 s\n${stage}, 20 s\n`);
});

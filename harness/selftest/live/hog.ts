/**
 * Foreign load on one CPU: busy for half of the time, and in bursts for the whole. It ends by itself
 * after the seconds that it is given, and with its parent (lib/child.ts).
 *
 *   node hog.ts <seconds>
 */
import { setTimeout as delay } from 'node:timers/promises';

const turnMs = 10;
const burstMs = 200;
/** From one burst to the next, on average. */
const betweenBurstsMs = 4_000;

const endsAt = performance.now() + 1_000 * Number(process.argv[2]);
let burstAt = performance.now() + nextGap();
while (performance.now() < endsAt) {
  if (performance.now() >= burstAt) {
    compute(burstMs);
    burstAt = performance.now() + nextGap();
  } else {
    compute(turnMs);
  }
  await delay(turnMs);
}

function nextGap(): number {
  return -betweenBurstsMs * Math.log(1 - Math.random());
}

function compute(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until) {
    // Only the time matters.
  }
}

import type { WriteStream } from 'node:tty';
import { formatNs } from '../lib/units.ts';
import type { Listener, RunEvent } from '../run/events.ts';

/** Lines are drawn at most this often on a terminal, and this seldom elsewhere. */
const frameMs = 250;
const heartbeatMs = 10_000;

export interface Progress {
  listen: Listener;
  /** Clears the live line; nothing is drawn afterwards. */
  stop: () => void;
}

interface State {
  stage: string;
  /** When the stage began. */
  stageAt: number;
  scenario: string;
  round: string;
  phase: string;
  load: string;
}

/**
 * Shows where a run is: one live line on a terminal, plain lines elsewhere (one for each round and
 * a heartbeat at least every 10 s). Drawing costs well under a millisecond and never waits.
 */
export function watchProgress(stream: WriteStream, now = () => performance.now()): Progress {
  const state: State = { stage: '', stageAt: 0, scenario: '', round: '', phase: '', load: '' };
  let drawn = Number.NEGATIVE_INFINITY;
  let left = () => '';
  const draw = () => {
    const line = describe(state, left(), now());
    if (stream.isTTY) {
      stream.write(`\r\x1b[K${line.slice(0, Math.max(20, (stream.columns ?? 80) - 1))}`);
    } else {
      stream.write(`${line}\n`);
    }
    drawn = now();
  };
  const timer = setInterval(() => {
    if (now() - drawn >= (stream.isTTY ? frameMs : heartbeatMs)) {
      draw();
    }
  }, frameMs);
  timer.unref();
  return {
    listen: (event) => {
      const important = apply(state, event, now());
      if (event.type === 'scenario') {
        const scenarioBegan = now();
        left = () => remaining(event.expectedMs - (now() - scenarioBegan));
      }
      if (important || (stream.isTTY && now() - drawn >= frameMs)) {
        draw();
      }
    },
    stop: () => {
      clearInterval(timer);
      if (stream.isTTY) {
        stream.write('\r\x1b[K');
      }
    },
  };
}

/** @returns whether the event is worth a line where there is no terminal */
function apply(state: State, event: RunEvent, now: number): boolean {
  switch (event.type) {
    case 'stage':
      state.stage = event.text;
      state.stageAt = now;
      return true;
    case 'scenario':
      state.stage = '';
      state.scenario = event.id;
      return false;
    case 'round':
      state.round = `round ${event.round} of ${event.of}`;
      state.load = '';
      return true;
    case 'phase':
      state.phase = event.phase;
      state.load = '';
      return false;
    case 'load':
      state.load = Object.entries(event.progress)
        .map(([arm, { p50Ns, p99Ns }]) => `${arm} p50 ${formatNs(p50Ns)} p99 ${formatNs(p99Ns)}`)
        .join(' · ');
      return false;
  }
}

function describe(state: State, left: string, now: number): string {
  const seconds = Math.floor((now - state.stageAt) / 1000);
  const stage = state.stage !== '' && seconds > 0 ? `${state.stage}, ${seconds} s` : state.stage;
  return [stage, state.scenario, state.round, state.phase, left, state.load]
    .filter((part) => part !== '')
    .join(' · ');
}

function remaining(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  return seconds > 0 ? `${seconds} s left` : 'about to end';
}

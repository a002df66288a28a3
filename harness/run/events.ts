import type { LoadProgress } from './loadgen.ts';

/** What a run tells whoever watches it; the terminal renders it, tests collect it. */
export type RunEvent =
  | { type: 'stage'; text: string }
  | { type: 'scenario'; id: string; rounds: number; expectedMs: number }
  | { type: 'round'; id: string; round: number; of: number }
  | { type: 'phase'; phase: string; durationMs: number }
  | { type: 'load'; progress: LoadProgress };

export type Listener = (event: RunEvent) => void;

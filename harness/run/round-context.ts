import type { FixtureBuild } from '../build/fixture-build.ts';
import type { Listener } from './events.ts';
import type { Placement } from './placement.ts';

/** What every round of a run shares. */
export interface RoundContext {
  /** Build of each variant. */
  builds: ReadonlyMap<string, FixtureBuild>;
  loadgen: string;
  tracesum: string;
  /** How netprobe is called (behind sudo where needed); undefined where it cannot run. */
  netprobe: readonly string[] | undefined;
  /** Arguments that the harness adds for every fixture: its data file. */
  fixtureArgs: readonly string[];
  /** Absolute path of the recording that the scenario replays, if it does. */
  recording: string | undefined;
  placement: Placement;
  signal: AbortSignal;
  listen: Listener;
}

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, PollgateError } from '../lib/errors.ts';
import { withoutPlaces } from '../load-accuracy/places.ts';
import { seedFromName } from '../stats/random.ts';
import { type MeasureOptions, measureWindows } from './measure.ts';
import { abba, pairsFor, pairsOf } from './pairs.ts';
import { type Failure, loads, type Pair, type ProbeCost } from './result.ts';
import type { Watch } from './watch.ts';

export interface RunOptions
  extends Pick<MeasureOptions, 'build' | 'loadgen' | 'placement' | 'windowMs' | 'signal'> {
  watches: readonly Watch[];
  quick: boolean;
  seed: string;
  /** Folder for the files of the windows; those of failures stay. */
  dir: string;
  say: (text: string) => void;
  /** Between two watches, while nothing is measured. */
  between: () => void;
}

/** Told at once, so that an interrupted run keeps what it has. */
export interface Sink {
  rates(rates: NonNullable<ProbeCost['rates']>): void;
  measured(pairs: readonly Pair[]): void;
  failed(failure: Failure): void;
}

const saturationMs = 2_000;
/** Of the rate of saturation. */
const halfLoad = 0.5;

/** Finds the rate of saturation, then asks of each watch what it costs, at both loads. */
export async function measureAll(options: RunOptions, sink: Sink): Promise<void> {
  const { watches, dir, say } = options;
  say('rate of saturation, unwatched');
  const saturated = await saturationRate(options);
  const half = Math.max(1, Math.round(saturated * halfLoad));
  sink.rates({ saturated, half });
  for (const [index, watch] of watches.entries()) {
    for (const load of loads) {
      const { id, kind } = watch.entry;
      const pairs = pairsFor(kind, options.quick)[load];
      if (pairs === 0) {
        continue;
      }
      say(`${index + 1} of ${watches.length}, ${id}, ${load}: ${pairs} pairs of windows`);
      const own = join(dir, `${id}-${load}`);
      try {
        const windows = await measureWindows({
          ...common(options, `${id} ${load}`),
          dir: own,
          windowMs: watch.entry.windowMs ?? options.windowMs,
          ratePerSec: load === 'half' ? half : null,
          windows: abba(pairs).map((watched) => (watched ? watch : null)),
        });
        sink.measured(pairsOf(windows, { watch: id, load }));
        await rm(own, { recursive: true, force: true });
      } catch (error) {
        if (options.signal.aborted || !(error instanceof PollgateError)) {
          throw error;
        }
        sink.failed({ watch: id, load, why: withoutPlaces(essence(messageOf(error)), [own, dir]) });
        break; // What fails at one load is not asked at the other.
      }
    }
    options.between();
  }
}

/** What went wrong, and of the last words that follow it the line that says why. */
export function essence(message: string): string {
  const [what = '', ...words] = message.split('\n').map((line) => line.trim());
  const why = words.findLast((line) => /error|fail|cannot|missing/i.test(line)) ?? words.at(-1);
  return [what, why ?? ''].filter(Boolean).join(' ').slice(0, 300);
}

async function saturationRate(options: RunOptions): Promise<number> {
  const dir = join(options.dir, 'saturation');
  const [window] = await measureWindows({
    ...common(options, 'saturation'),
    ...{ dir, windowMs: saturationMs, ratePerSec: null, windows: [null] },
  });
  await rm(dir, { recursive: true, force: true });
  return window?.ratePerSec ?? 0;
}

function common({ build, loadgen, placement, signal, seed }: RunOptions, name: string) {
  return { build, loadgen, placement, signal, seed: String(seedFromName(`${seed} ${name}`)) };
}

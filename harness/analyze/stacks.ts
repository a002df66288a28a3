import { Profile } from 'pprof-format';
import { gunzipProfile } from '../capture/pprof.ts';

/** A stack, the leaf first, inlined functions included. */
export interface Stack {
  frames: { function: string; file: string; line: number }[];
  value: number;
}

/** Stacks of one sample type of a profile, equal ones once. */
export interface Stacks {
  total: number;
  stacks: Stack[];
  /** Of profiles taken over a time; 0 of snapshots. */
  durationNs: number;
}

/**
 * @param sampleType `cpu` (ns), `goroutine`, `inuse_objects`, `contentions`, `delay` (ns)
 * @throws Error when the gzip member is not whole or an invariant of the format does not hold
 */
export function readStacks(gzipped: Uint8Array, sampleType: string): Stacks {
  const profile = Profile.decode(gunzipProfile(gzipped));
  const text = (index: number | bigint) => profile.stringTable.strings[Number(index)] ?? '?';
  const column = profile.sampleType.findIndex((type) => text(type.type) === sampleType);
  if (column < 0) {
    const seen = profile.sampleType.map((type) => text(type.type)).join(', ');
    throw new Error(`the profile has the sample types [${seen}], not ${sampleType}`);
  }
  const functions = new Map(profile.function.map((f) => [Number(f.id), f]));
  const locations = new Map(
    profile.location.map((location) => [
      Number(location.id),
      location.line.map((line) => {
        const found = functions.get(Number(line.functionId));
        if (found === undefined) {
          throw new Error(
            `the profile names function ${line.functionId}, which it does not contain`,
          );
        }
        return {
          function: text(found.name),
          file: text(found.filename),
          line: Number(line.line),
        };
      }),
    ]),
  );
  const stacks = profile.sample.map((sample) => ({
    frames: sample.locationId.flatMap((id) => {
      const found = locations.get(Number(id));
      if (found === undefined) {
        throw new Error(`the profile names location ${id}, which it does not contain`);
      }
      return found;
    }),
    value: Number(BigInt.asIntN(64, BigInt(sample.value[column] ?? 0))),
  }));
  const total = stacks.reduce((sum, { value }) => sum + value, 0);
  return { total, stacks, durationNs: Number(profile.durationNanos) };
}

/** Sum of the stacks in which some function matches. */
export function weightOf({ stacks }: Stacks, pattern: RegExp): number {
  return stacks
    .filter(({ frames }) => frames.some((frame) => pattern.test(frame.function)))
    .reduce((sum, { value }) => sum + value, 0);
}

/** The first elements of the import paths of Go's own packages, those that a stack can hold. */
const standard = new Set(
  'archive bufio bytes compress container context crypto database encoding errors expvar fmt hash html image internal io iter log math mime net os path plugin reflect regexp runtime slices sort strconv strings sync syscall testing text time unique vendor'.split(
    ' ',
  ),
);

/** Whether a function is of the program, and not of Go's own packages. */
export function isOwn(name: string): boolean {
  const root = /^[^/.]+/.exec(name)?.[0] ?? '';
  // `internal/…` of a module has the module's path before it; `golang.org/x/…` is a dependency.
  return !standard.has(root) || (name.includes('/') && /^[^/]*\.[^/]*\//.test(name));
}

/** The frame nearest to the leaf that is the program's own. */
export function ownFrame(stack: Pick<Stack, 'frames'>): Stack['frames'][number] | undefined {
  return stack.frames.find((frame) => isOwn(frame.function));
}

/** `main.(*server).handle (server.go:42)`. */
export function frameText(frame: Stack['frames'][number] | undefined): string {
  if (frame === undefined) {
    return 'no frame of the program itself';
  }
  const file = frame.file.slice(frame.file.lastIndexOf('/') + 1);
  return `${frame.function} (${file}:${frame.line})`;
}

import { columnOf, framesOf, type Profile, sampleValue } from '../profile/profile.ts';

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
 * @throws Error for a profile without it
 */
export function stacksOf(profile: Profile, sampleType: string): Stacks {
  const column = columnOf(profile, sampleType);
  const stacks = Array.from({ length: profile.samples }, (_, sample) => ({
    frames: framesOf(profile, sample).map(({ name, file, line }) => ({
      function: name,
      file,
      line,
    })),
    value: Number(sampleValue(profile, sample, column)),
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
  'archive bufio bytes cmp compress container context crypto database debug embed encoding errors expvar fmt go hash html image index internal io iter log maps math mime net os path plugin reflect regexp runtime slices sort strconv strings sync syscall testing text time unicode unique vendor weak'.split(
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

/** The function of the program nearest to the leaf; where there is none, the outermost of all. */
export function placeOf(functions: readonly string[]): string {
  return functions.find(isOwn) ?? functions.at(-1) ?? 'no frame';
}

/** `main.(*server).handle (server.go:42)`; without the place where the source does not tell it. */
export function frameText(frame: Stack['frames'][number] | undefined): string {
  if (frame === undefined) {
    return 'no frame of the program itself';
  }
  if (frame.file === '') {
    return frame.function;
  }
  const file = frame.file.slice(frame.file.lastIndexOf('/') + 1);
  return `${frame.function} (${file}:${frame.line})`;
}

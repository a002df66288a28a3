import { gunzipProfile } from './gunzip.ts';
import type { Profile, Tag, ValueType } from './profile.ts';
import { emptyTables, readTables, type Tables } from './tables.ts';
import { WireReader } from './wire.ts';

/**
 * Reads a gzipped pprof profile, exactly or not at all. `npm run bench:self` says how long 12 MB take.
 * @throws Error for a file that is not whole (see gunzipProfile), not well-formed, names a string,
 *   function, mapping or location that it does not contain, or has a sample without one value per
 *   sample type
 */
export function decodeProfile(gzipped: Uint8Array, limitBytes?: number): Profile {
  const reader = new WireReader(gunzipProfile(gzipped, limitBytes));
  const tables = emptyTables();
  const samples = readTables(reader, tables);
  const { string, head } = tables;
  const valueType = ([type, unit]: readonly [number, number]): ValueType => ({
    type: string(type),
    unit: string(unit),
  });
  const sampleTypes = head.sampleTypes.map(valueType);
  return {
    sampleTypes,
    ...readSamples(reader, samples, tables, sampleTypes.length),
    locations: tables.locations,
    timeNanos: head.timeNanos,
    durationNanos: head.durationNanos,
    periodType: head.periodType === null ? null : valueType(head.periodType),
    period: head.period,
    defaultSampleType: string(head.defaultSampleType),
    comments: head.comments.map(string),
  };
}

type Samples = Pick<Profile, 'samples' | 'values' | 'stackEnds' | 'stacks' | 'tagEnds' | 'tags'>;

/** @param spans where each sample begins and ends */
function readSamples(
  reader: WireReader,
  spans: readonly number[],
  tables: Tables,
  types: number,
): Samples {
  const samples = spans.length / 2;
  const values = new BigInt64Array(samples * types);
  const stackEnds = new Uint32Array(samples);
  const tagEnds = new Uint32Array(samples);
  const tags: Tag[] = [];
  const { locationIds } = tables;
  let stacks = new Uint32Array(1024);
  let depth = 0;
  for (let sample = 0; sample < samples; sample++) {
    reader.enter(spans[2 * sample] ?? 0, spans[2 * sample + 1] ?? 0);
    let seen = 0;
    while (reader.next()) {
      switch (reader.field) {
        case 1: {
          const end = reader.numbersEnd();
          if (depth + end - reader.position > stacks.length) {
            stacks = withRoom(stacks, depth + end - reader.position);
          }
          while (reader.position < end) {
            reader.varint();
            stacks[depth++] = locationIds.indexOf(reader.lastNatural());
          }
          break;
        }
        case 2:
          for (const end = reader.numbersEnd(); reader.position < end; seen++) {
            reader.varint();
            if (seen < types) {
              values[sample * types + seen] = reader.lastInt64();
            }
          }
          break;
        case 3:
          tags.push(readTag(reader, tables));
          break;
        default:
          reader.skip();
      }
    }
    if (seen !== types) {
      throw new Error(`a sample has ${seen} values for ${types} types`);
    }
    refuseDeep(stacks.subarray(sample === 0 ? 0 : stackEnds[sample - 1], depth), tables);
    stackEnds[sample] = depth;
    tagEnds[sample] = tags.length;
  }
  return { samples, values, stackEnds, stacks: stacks.slice(0, depth), tagEnds, tags };
}

/**
 * Go's profiles have at most 1,024 frames a sample (GODEBUG profstackdepth), and inlined ones; whoever
 * draws a stack walks it with one of its own.
 */
const mostFrames = 4096;

/** @throws Error for a stack that no profiler takes: it would cost its reader any amount of memory */
function refuseDeep(stack: Uint32Array, { locations }: Tables): void {
  let frames = 0;
  for (const location of stack) {
    frames += locations[location]?.frames.length ?? 0;
  }
  if (frames > mostFrames) {
    throw new Error(`a sample has ${frames} frames, more than ${mostFrames}`);
  }
}

/** The same numbers with room for `length` of them. */
function withRoom(numbers: Uint32Array, length: number): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(Math.max(length, 2 * numbers.length));
  larger.set(numbers);
  return larger;
}

function readTag(reader: WireReader, { string }: Tables): Tag {
  const outer = reader.end;
  reader.end = reader.contentEnd();
  const tag: Tag = { key: '', text: '', number: 0n, unit: '' };
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        tag.key = string(reader.natural());
        break;
      case 2:
        tag.text = string(reader.natural());
        break;
      case 3:
        tag.number = reader.int64();
        break;
      case 4:
        tag.unit = string(reader.natural());
        break;
      default:
        reader.skip();
    }
  }
  reader.end = outer;
  return tag;
}

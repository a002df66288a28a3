import { IdTable } from './id-table.ts';
import type { Frame, Location } from './profile.ts';
import type { WireReader } from './wire.ts';

/** More entries than this of one kind have no honest reason, and each costs memory. */
const maxEntries = 8_000_000;

/** What samples point into, and what a profile says about itself. */
export interface Tables {
  head: Head;
  locations: Location[];
  /** @throws Error for an index beyond the string table */
  string: (index: number) => string;
  locationIds: IdTable;
}

interface Head {
  /** Pairs of indices of strings. */
  sampleTypes: (readonly [number, number])[];
  periodType: readonly [number, number] | null;
  period: bigint;
  timeNanos: bigint;
  durationNanos: bigint;
  defaultSampleType: number;
  comments: number[];
}

export function emptyTables(): Tables {
  const head: Head = {
    ...{ sampleTypes: [], periodType: null, period: 0n, timeNanos: 0n, durationNanos: 0n },
    ...{ defaultSampleType: 0, comments: [] },
  };
  return { head, locations: [], string: () => '', locationIds: new IdTable('location', 0) };
}

/** Field numbers of the message Profile. */
const field = {
  ...{ sampleType: 1, sample: 2, mapping: 3, location: 4, function: 5, string: 6 },
  ...{ timeNanos: 9, durationNanos: 10, periodType: 11, period: 12, comment: 13 },
  ...{ defaultSampleType: 14 },
} as const;

/** Where messages of one kind begin and end. */
type Spans = number[];

/**
 * Reads everything but the samples, which may come before what they point into.
 * @returns where each sample begins and ends
 */
export function readTables(reader: WireReader, tables: Tables): Spans {
  const { head } = tables;
  const [samples, mappings, locations, functions, texts]: Spans[] = [[], [], [], [], []];
  const spansOf: Record<number, Spans | undefined> = {
    [field.sample]: samples,
    [field.mapping]: mappings,
    [field.location]: locations,
    [field.function]: functions,
    [field.string]: texts,
  };
  while (reader.next()) {
    const spans = spansOf[reader.field];
    if (spans !== undefined) {
      const end = reader.contentEnd();
      spans.push(reader.position, end);
      reader.position = end;
      if (spans.length > 2 * maxEntries) {
        throw new Error(`the profile has more than ${maxEntries} entries of field ${reader.field}`);
      }
    } else {
      readHead(reader, head);
    }
  }
  const strings = readStrings(reader.bytes, texts ?? []);
  tables.string = (index) => {
    const text = strings[index];
    if (text === undefined) {
      throw new Error(`the profile names string ${index} of ${strings.length}`);
    }
    return text;
  };
  readLocations(reader, tables, { locations, functions, mappings } as Entries);
  return samples ?? [];
}

function readHead(reader: WireReader, head: Head): void {
  switch (reader.field) {
    case field.sampleType:
      head.sampleTypes.push(readValueType(reader));
      break;
    case field.periodType:
      head.periodType = readValueType(reader);
      break;
    case field.period:
      head.period = reader.int64();
      break;
    case field.timeNanos:
      head.timeNanos = reader.int64();
      break;
    case field.durationNanos:
      head.durationNanos = reader.int64();
      break;
    case field.defaultSampleType:
      head.defaultSampleType = reader.natural();
      break;
    case field.comment:
      for (const end = reader.numbersEnd(); reader.position < end; ) {
        reader.varint();
        head.comments.push(reader.lastNatural());
      }
      break;
    default:
      reader.skip();
  }
}

function readValueType(reader: WireReader): [number, number] {
  const outer = reader.end;
  reader.end = reader.contentEnd();
  const pair: [number, number] = [0, 0];
  while (reader.next()) {
    if (reader.field === 1 || reader.field === 2) {
      pair[reader.field - 1] = reader.natural();
    } else {
      reader.skip();
    }
  }
  reader.end = outer;
  return pair;
}

/** A tag of a program may hold any bytes: what is no UTF-8 is shown as U+FFFD, not refused. */
function readStrings(bytes: Uint8Array, spans: Spans): string[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const strings: string[] = [];
  for (let at = 0; at < spans.length; at += 2) {
    strings.push(buffer.toString('utf8', spans[at], spans[at + 1]));
  }
  if (strings[0] !== '') {
    throw new Error('the profile’s string table is missing or does not begin with the empty one');
  }
  return strings;
}

interface Entries {
  locations: Spans;
  functions: Spans;
  mappings: Spans;
}

type FunctionEntry = Pick<Frame, 'name' | 'file'>;

function readLocations(reader: WireReader, tables: Tables, entries: Entries): void {
  const { string } = tables;
  const functions: FunctionEntry[] = [];
  const functionIds = new IdTable('function', entries.functions.length / 2);
  forEach(entries.functions, reader, () => {
    const [id = 0, name = 0, , file = 0] = naturals(reader, 5);
    functionIds.add(id);
    functions.push({ name: string(name), file: string(file) });
  });
  const binaries: string[] = [];
  const mappingIds = new IdTable('mapping', entries.mappings.length / 2);
  forEach(entries.mappings, reader, () => {
    let [id, file] = [0, 0];
    while (reader.next()) {
      if (reader.field === 1) {
        id = reader.natural();
      } else if (reader.field === 5) {
        file = reader.natural();
      } else {
        reader.skip();
      }
    }
    mappingIds.add(id);
    binaries.push(string(file));
  });
  const locationIds = new IdTable('location', entries.locations.length / 2);
  forEach(entries.locations, reader, () => {
    const frames: Frame[] = [];
    let [id, mapping, address] = [0, 0, 0n];
    while (reader.next()) {
      switch (reader.field) {
        case 1:
          id = reader.natural();
          break;
        case 2:
          mapping = reader.natural();
          break;
        case 3:
          address = BigInt.asUintN(64, reader.int64());
          break;
        case 4:
          frames.push(readLine(reader, functions, functionIds));
          break;
        default:
          reader.skip();
      }
    }
    locationIds.add(id);
    for (const frame of frames.slice(0, -1)) {
      frame.inlined = true;
    }
    if (frames.length === 0) {
      frames.push({ name: `0x${address.toString(16)}`, file: '', line: 0, inlined: false });
    }
    const binary = mapping === 0 ? '' : (binaries[mappingIds.indexOf(mapping)] ?? '');
    tables.locations.push({ address, binary, frames });
  });
  tables.locationIds = locationIds;
}

function readLine(reader: WireReader, functions: FunctionEntry[], ids: IdTable): Frame {
  const outer = reader.end;
  reader.end = reader.contentEnd();
  const [id = 0, line = 0] = naturals(reader, 2);
  reader.end = outer;
  return { name: '', file: '', ...functions[ids.indexOf(id)], line, inlined: false };
}

/** The first fields of a message that are all numbers; 0 for those that are not there. */
function naturals(reader: WireReader, count: number): number[] {
  const found = new Array<number>(count).fill(0);
  while (reader.next()) {
    if (reader.field <= count) {
      found[reader.field - 1] = reader.natural();
    } else {
      reader.skip();
    }
  }
  return found;
}

function forEach(spans: Spans, reader: WireReader, read: () => void): void {
  for (let at = 0; at < spans.length; at += 2) {
    reader.enter(spans[at] ?? 0, spans[at + 1] ?? 0);
    read();
  }
}

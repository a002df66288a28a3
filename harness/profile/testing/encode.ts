import { gzipSync } from 'node:zlib';
import {
  Label,
  Line,
  Location,
  Profile,
  Function as ProfileFunction,
  Sample,
  StringTable,
  ValueType,
} from 'pprof-format';

/** A profile to be written by another's encoder. */
export interface Written {
  types?: readonly (readonly [type: string, unit: string])[];
  samples: readonly {
    /** Leaf first; a place with several names has inlined frames, the innermost first. */
    stack: readonly (string | readonly string[])[];
    values: readonly (number | bigint)[];
    tags?: Record<string, string | bigint>;
  }[];
  timeNanos?: bigint;
}

/** A profile as pprof-format writes it, plain. */
export function encodePlain({ types, samples, timeNanos = 0n }: Written): Uint8Array {
  const stringTable = new StringTable();
  const name = (text: string) => stringTable.dedup(text);
  const functions = new Map<string, ProfileFunction>();
  const functionId = (text: string) => {
    const known =
      functions.get(text) ?? new ProfileFunction({ id: functions.size + 1, name: name(text) });
    functions.set(text, known);
    return known.id;
  };
  const locations = new Map<string, Location>();
  const locationId = (place: string | readonly string[]) => {
    const key = JSON.stringify(place);
    const line = [place].flat().map((text) => new Line({ functionId: functionId(text), line: 7 }));
    const known = locations.get(key) ?? new Location({ id: locations.size + 1, line });
    locations.set(key, known);
    return known.id;
  };
  const sampleType = (types ?? [['cpu', 'nanoseconds']]).map(
    ([type, unit]) => new ValueType({ type: name(type), unit: name(unit) }),
  );
  const sample = samples.map(
    ({ stack, values, tags = {} }) =>
      new Sample({
        locationId: stack.map(locationId),
        value: [...values],
        label: Object.entries(tags).map(([key, value]) =>
          typeof value === 'string'
            ? new Label({ key: name(key), str: name(value) })
            : new Label({ key: name(key), num: value, numUnit: name('bytes') }),
        ),
      }),
  );
  const profile = new Profile({
    ...{ sampleType, sample, location: [...locations.values()], stringTable },
    ...{ function: [...functions.values()], timeNanos },
  });
  return profile.encode();
}

export function encode(written: Written): Uint8Array {
  return gzipSync(encodePlain(written));
}

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Type, { type TSchema } from 'typebox';
import { expect, test } from 'vitest';
import { PollgateError } from './errors.ts';
import { checkJson, formatJson, parseJson, readJson } from './json.ts';

const strict = { additionalProperties: false } as const;
const Http = Type.Object({ kind: Type.Literal('http'), path: Type.String() }, strict);
const Tcp = Type.Object({ kind: Type.Literal('tcp'), port: Type.Integer({ minimum: 1 }) }, strict);
const Config = Type.Object(
  {
    name: Type.String({ pattern: '^[a-z]+$' }),
    mode: Type.Optional(Type.Enum(['slice', 'request'])),
    server: Type.Optional(Type.Union([Http, Tcp])),
    servers: Type.Optional(Type.Array(Type.Union([Http, Tcp]))),
    rate: Type.Optional(Type.Number()),
    note: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  },
  strict,
);

function errorOf(value: unknown, schema: TSchema = Config): string {
  try {
    checkJson(value, schema, { name: 'config.json', remedy: 'mend it' });
  } catch (error) {
    if (error instanceof PollgateError) {
      expect(error).toMatchObject({ exitCode: 3, remedy: 'mend it' });
      return error.message;
    }
    throw error;
  }
  return 'valid';
}

test('a valid value is given back as it is', () => {
  const value = { name: 'a', server: { kind: 'tcp', port: 80 }, note: null };
  expect(checkJson(value, Config, { name: 'c', remedy: '' })).toBe(value);
});

test('every error on a line of its own, with place, value and what is allowed', () => {
  expect(errorOf({ name: 'A1', mode: 'both', rate: 'fast', extra: true })).toMatchInlineSnapshot(`
    "config.json is not valid:
      /: unknown setting "extra", allowed: name, mode, server, servers, rate, note
      /name: "A1" seen, must match ^[a-z]+$
      /mode: "both" seen, allowed: "slice", "request"
      /rate: "fast" seen, must be number"
  `);
});

test('what is missing is named at its place', () => {
  expect(errorOf({})).toMatchInlineSnapshot(`
    "config.json is not valid:
      /: setting "name" is missing"
  `);
  expect(errorOf({ name: 'a', server: { kind: 'http' } })).toMatchInlineSnapshot(`
    "config.json is not valid:
      /server: setting "path" is missing"
  `);
});

test('of a union the branch is spoken of whose tag was given', () => {
  expect(errorOf({ name: 'a', server: { kind: 'tcp', port: 0 } })).toMatchInlineSnapshot(`
    "config.json is not valid:
      /server/port: 0 seen, must be >= 1"
  `);
  expect(errorOf({ name: 'a', server: { kind: 'http', path: 5, port: 1 } })).toMatchInlineSnapshot(`
    "config.json is not valid:
      /server: unknown setting "port", allowed: kind, path
      /server/path: 5 seen, must be string"
  `);
});

test('a tag that fits outweighs any number of wrong values', () => {
  const Integers = Type.Object({
    kind: Type.Literal('integers'),
    x: Type.Integer(),
    y: Type.Integer(),
  });
  const Texts = Type.Object({ kind: Type.Literal('texts'), x: Type.String(), y: Type.String() });
  // As integers two values are wrong, as texts only the tag is.
  const message = errorOf({ kind: 'integers', x: '1', y: '2' }, Type.Union([Integers, Texts]));
  expect(message).toBe(
    'config.json is not valid:\n  /x: "1" seen, must be integer\n  /y: "2" seen, must be integer',
  );
});

test('two unions in one list do not hide each other’s errors', () => {
  const servers = [
    { kind: 'tcp', port: 0 },
    { kind: 'http', path: 1 },
  ];
  expect(errorOf({ name: 'a', servers })).toMatchInlineSnapshot(`
    "config.json is not valid:
      /servers/0/port: 0 seen, must be >= 1
      /servers/1/path: 1 seen, must be string"
  `);
});

test('a long value is cut, text that is no object is shown', () => {
  expect(errorOf({ name: 'X'.repeat(500) }).length).toBeLessThan(200);
  expect(errorOf('text')).toMatchInlineSnapshot(`
    "config.json is not valid:
      /: "text" seen, must be object"
  `);
  expect(errorOf(null)).toMatchInlineSnapshot(`
    "config.json is not valid:
      /: null seen, must be object"
  `);
});

test.for(['NaN', 'Infinity', '{"name":"a","rate":NaN}', '', '{"name":"a"', '\uFEFF{"name":"a"}'])(
  'not JSON: %j',
  (text) => {
    const source = { name: 'line 3', remedy: '' };
    expect(() => parseJson(text, Config, source)).toThrow(/^line 3 is not JSON: /);
  },
);

test('a number beyond a double is refused, though JSON takes it', () => {
  const source = { name: 'c', remedy: '' };
  for (const number of ['1e400', '-1e400']) {
    expect(() => parseJson(`{"name":"a","rate":${number}}`, Config, source)).toThrow(
      /\/rate: null seen, must be number/,
    );
  }
  expect(errorOf({ name: 'a', rate: Number.NaN })).toContain('/rate');
});

test('a __proto__ in the text becomes no prototype', () => {
  const source = { name: 'c', remedy: '' };
  expect(() => parseJson('{"name":"a","__proto__":{"rate":5}}', Config, source)).toThrow(
    'unknown setting "__proto__"',
  );
});

test('a file is named, with the exit code that was asked for', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'pollgate-json-'));
  try {
    const path = join(dir, 'a b.json');
    await writeFile(path, '{"name":5}');
    const options = { remedy: 'mend it', exitCode: 2 } as const;
    await expect(readJson(path, Config, options)).rejects.toMatchObject({
      message: `${path} is not valid:\n  /name: 5 seen, must be string`,
      exitCode: 2,
      remedy: 'mend it',
    });
    await expect(readJson(join(dir, 'none'), Config, options)).rejects.toMatchObject({
      message: expect.stringMatching(/none cannot be read: ENOENT/),
      exitCode: 2,
    });
    await expect(readJson(dir, Config, options)).rejects.toThrow('EISDIR');
    await writeFile(path, '{"name":"a"}');
    expect(await readJson(path, Config, options)).toEqual({ name: 'a' });
  } finally {
    await rm(dir, { recursive: true });
  }
});

test('written JSON ends with a newline and is indented by two', () => {
  expect(formatJson({ a: [1] })).toBe('{\n  "a": [\n    1\n  ]\n}\n');
});

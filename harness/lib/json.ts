import { readFile } from 'node:fs/promises';
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import type { Static, TSchema } from 'typebox';
import { type ExitCode, exitCode, messageOf, PollgateError } from './errors.ts';

// strictNumbers: 1e400 is a number to JSON, and Infinity passes every limit.
const ajv = new Ajv({ allErrors: true, strict: false, strictNumbers: true, verbose: true });
const validators = new WeakMap<TSchema, ValidateFunction>();

/** Where a JSON text comes from and what a reader of an error about it should do. */
export interface JsonSource {
  /** What the user knows it by: a path, or «ready line of variant epoll». */
  name: string;
  remedy: string;
  /** Exit code of the error when the text is wrong; default: invalid data. */
  exitCode?: ExitCode;
}

/**
 * Reads and checks a JSON file.
 * @throws PollgateError naming file, JSON path, value seen and values allowed.
 */
export async function readJson<T extends TSchema>(
  path: string,
  schema: T,
  source: Omit<JsonSource, 'name'>,
): Promise<Static<T>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw wrong({ ...source, name: path }, `cannot be read: ${messageOf(cause)}`);
  }
  return parseJson(text, schema, { ...source, name: path });
}

/** Parses and checks a JSON text; see {@link readJson}. */
export function parseJson<T extends TSchema>(
  text: string,
  schema: T,
  source: JsonSource,
): Static<T> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw wrong(source, `is not JSON: ${messageOf(cause)}`);
  }
  return checkJson(value, schema, source);
}

/** Checks a value that was parsed elsewhere; see {@link readJson}. */
export function checkJson<T extends TSchema>(
  value: unknown,
  schema: T,
  source: JsonSource,
): Static<T> {
  let validate = validators.get(schema);
  if (validate === undefined) {
    validate = ajv.compile(schema);
    validators.set(schema, validate);
  }
  if (!validate(value)) {
    throw wrong(source, describeErrors(validate.errors ?? []));
  }
  return value as Static<T>;
}

function wrong(source: JsonSource, what: string): PollgateError {
  return new PollgateError(`${source.name} ${what}`, {
    exitCode: source.exitCode ?? exitCode.invalidData,
    remedy: source.remedy,
  });
}

/** One line per error; of a union only the branch that was most likely meant. */
function describeErrors(errors: readonly ErrorObject[]): string {
  let relevant = errors;
  for (const union of errors.filter((error) => error.keyword === 'anyOf')) {
    relevant = relevant.filter((error) => error !== union && !isOtherBranch(error, union, errors));
  }
  const lines = relevant.map((error) => `  ${describeError(error)}`);
  return `is not valid:\n${[...new Set(lines)].join('\n')}`;
}

/** Whether `error` belongs to a branch of `union` that fits worse than its best one. */
function isOtherBranch(
  error: ErrorObject,
  union: ErrorObject,
  all: readonly ErrorObject[],
): boolean {
  const branch = branchOf(error, union);
  if (branch === undefined) {
    return false;
  }
  const penalties = new Map<string, number>();
  for (const other of all) {
    const key = branchOf(other, union);
    if (key !== undefined) {
      penalties.set(key, (penalties.get(key) ?? 0) + penaltyOf(other, union));
    }
  }
  const best = [...penalties].reduce((a, b) => (b[1] < a[1] ? b : a));
  return branch !== best[0];
}

/** How loudly an error says «not this branch»: another kind of value, then a wrong tag or setting. */
function penaltyOf({ keyword, instancePath }: ErrorObject, union: ErrorObject): number {
  if (keyword === 'type' && instancePath === union.instancePath) {
    return 100;
  }
  return ['const', 'additionalProperties', 'required'].includes(keyword) ? 10 : 1;
}

function branchOf(error: ErrorObject, union: ErrorObject): string | undefined {
  const prefix = `${union.schemaPath}/`;
  const inside =
    error.schemaPath.startsWith(prefix) && error.instancePath.startsWith(union.instancePath);
  return inside ? error.schemaPath.slice(prefix.length).split('/')[0] : undefined;
}

function describeError(error: ErrorObject): string {
  const at = error.instancePath === '' ? '/' : error.instancePath;
  const seen = JSON.stringify(error.data)?.slice(0, 80) ?? 'nothing';
  switch (error.keyword) {
    case 'enum':
      return `${at}: ${seen} seen, allowed: ${(error.params['allowedValues'] as unknown[]).map((v) => JSON.stringify(v)).join(', ')}`;
    case 'const':
      return `${at}: ${seen} seen, allowed: ${JSON.stringify(error.params['allowedValue'])}`;
    case 'additionalProperties': {
      const known = Object.keys((error.parentSchema?.['properties'] as object | undefined) ?? {});
      const allowed = known.length > 0 ? `allowed: ${known.join(', ')}` : 'not allowed here';
      return `${at}: unknown setting ${JSON.stringify(error.params['additionalProperty'])}, ${allowed}`;
    }
    case 'required':
      return `${at}: setting ${JSON.stringify(error.params['missingProperty'])} is missing`;
    case 'pattern':
      return `${at}: ${seen} seen, must match ${String(error.params['pattern'])}`;
    default:
      return `${at}: ${seen} seen, ${error.message ?? error.keyword}`;
  }
}

/**
 * The value that a map from a file has of its own under a name; a variant may be called
 * «constructor», which every object inherits.
 */
export function ownValue<T>(
  map: Readonly<Record<string, T>> | undefined,
  name: string,
): T | undefined {
  return map !== undefined && Object.hasOwn(map, name) ? map[name] : undefined;
}

/** JSON for a file that people read and git compares: two spaces, a newline at the end. */
export function formatJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

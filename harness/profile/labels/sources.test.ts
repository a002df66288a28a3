import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { goReleases, minorOf } from '../testing/go-program.ts';
import { cpuRules, parkedRules } from './rules.ts';
import { formerReasons, traceReasons, waitReasons } from './wait-reasons.ts';

/** The names and words that the rules go by, held against the sources that profiles come from. */
describe.each(goReleases())('the sources of Go $release $go.missing', ({ go }) => {
  const sources =
    go.version === null
      ? ''
      : join(
          execFileSync('go', ['env', 'GOROOT'], { env: go.env, encoding: 'utf8' }).trim(),
          'src',
        );
  const minor = minorOf(go.version ?? '');

  test.skipIf(go.version === null)('have every function that a rule names', () => {
    const rules = [...parkedRules, ...cpuRules];
    const missing = rules
      .filter(({ since, until }) => since <= minor && minor <= until)
      .filter(({ name }) => !isDeclared(sources, name));
    expect(missing.map(({ name }) => name)).toEqual([]);
    const gone = rules
      .filter(({ since, until }) => minor < since || until < minor)
      .filter(({ name }) => isDeclared(sources, name));
    expect(
      gone.map(({ name }) => name),
      'within a release that the rule leaves out',
    ).toEqual([]);
  });

  test.skipIf(go.version === null)('have the wait reasons of our table, and no other', () => {
    const text = readFileSync(join(sources, 'runtime/runtime2.go'), 'utf8');
    const words = wordsOf(text, 'waitReasonStrings');
    const known = { ...waitReasons, ...formerReasons };
    const unknown = words.filter((word) => !Object.hasOwn(known, word));
    expect(words.length).toBeGreaterThan(30);
    expect(unknown).toEqual([]);
    if (minor === 26 || minor === 27) {
      expect(new Set(words)).toEqual(new Set(Object.keys(waitReasons)));
      expect(words.length).toBe(47);
    }
  });

  test.skipIf(!(minor >= 22))('have the reasons of the execution trace, and no other', () => {
    const path = ['traceruntime.go', 'trace2runtime.go']
      .map((name) => join(sources, 'runtime', name))
      .find(existsSync);
    const words = wordsOf(readFileSync(path ?? '', 'utf8'), 'traceBlockReasonStrings');
    expect(words.filter((word) => !Object.hasOwn(traceReasons, word))).toEqual([]);
    expect(words.length).toBeGreaterThan(10);
  });
});

/** The strings of a Go array literal. */
function wordsOf(text: string, name: string): string[] {
  const body = text.slice(text.indexOf(`var ${name} = `)).split('\n}')[0] ?? '';
  return [...body.matchAll(/:\s+"(.*)",/g)].map(([, word = '']) => word);
}

const files = new Map<string, string>();

/** All Go and assembly sources of a package, without tests. */
function packageText(sources: string, path: string): string {
  const dir = join(sources, path);
  const known = files.get(dir);
  if (known !== undefined) {
    return known;
  }
  const names = existsSync(dir) ? readdirSync(dir) : [];
  const text = names
    .filter((name) => /\.(go|s)$/.test(name) && !/_test\.go$/.test(name))
    .map((name) => readFileSync(join(dir, name), 'utf8'))
    .join('\n');
  files.set(dir, text);
  return text;
}

/** Whether a function of that name can stand in a profile: declared, assembly, or linked to the name. */
function isDeclared(sources: string, name: string): boolean {
  const dot = name.indexOf('.', name.lastIndexOf('/') + 1);
  const [path, symbol] = [name.slice(0, dot), name.slice(dot + 1)];
  const method = /^\(\*(\w+)\)\.(\w+)$/.exec(symbol);
  const text = packageText(sources, path);
  const declaration =
    method === null
      ? new RegExp(
          `^func ${symbol}[(\\[].*\\{|^TEXT (runtime)?·${symbol}(<ABIInternal>)?\\(SB`,
          'm',
        )
      : new RegExp(`^func \\(\\w* ?\\*${method[1]}\\) ${method[2]}\\(`, 'm');
  const linked = new RegExp(`^//go:linkname \\w+ ${RegExp.escape(name)}$`, 'm');
  return declaration.test(text) || linked.test(packageText(sources, 'runtime'));
}

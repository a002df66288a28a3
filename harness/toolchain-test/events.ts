import Type, { type Static } from 'typebox';
import { parseJson } from '../lib/json.ts';

/** One line of `go test -json` (go doc test2json); it may have more fields from release to release. */
const Event = Type.Object({
  Action: Type.String(),
  Test: Type.Optional(Type.String()),
  Output: Type.Optional(Type.String()),
});
type Event = Static<typeof Event>;

const Times = Type.Integer({ minimum: 0 });

/** How often a test ended in which way; `unfinished`: it began and the process ended before it did. */
export const TestCounts = Type.Object(
  { pass: Times, fail: Times, skip: Times, unfinished: Times },
  { additionalProperties: false },
);
export type TestCounts = Static<typeof TestCounts>;

/** How the process of a package's tests ended; `build`: there was none. */
export const endings = ['pass', 'fail', 'hang', 'crash', 'build'] as const;
export type Ending = (typeof endings)[number];

/** One turn of one side: what `go test -json` said of one package. */
export interface TurnResult {
  /** By name; a subtest is named after its parent: TestRead/pipe. */
  tests: Map<string, TestCounts>;
  ending: Ending;
  /** What it said when it ended early, then what failed; of each the first {@link saidLines} lines. */
  said: string[];
}

const saidLines = 40;

/** Reads `go test -json` line by line. */
export class TurnReader {
  readonly #tests = new Map<string, TestCounts>();
  readonly #running = new Set<string>();
  /** Output since the test began, kept where it fails. */
  readonly #output = new Map<string, string[]>();
  readonly #said: string[] = [];
  /** The words of an early end, which stand first: what failed before it may have said much. */
  readonly #lastWords: string[] = [];
  #timedOut = false;
  #panicked = false;
  /** The last line of a process whose tests all came to their end. */
  #ended: 'pass' | 'fail' | undefined;
  #built = true;

  /** Tests that ended so far, repetitions and subtests counted. */
  ended = 0;

  /** @throws PollgateError (infrastructure) for a line that is no event */
  line(text: string): void {
    if (!text.startsWith('{')) {
      return; // The go command's own words, such as «warning: …».
    }
    const source = {
      name: 'A line of go test -json',
      remedy: 'report this as a bug',
      exitCode: 4 as const,
    };
    this.#take(parseJson(text, Event, source));
  }

  /** @param killed whether it was ended from outside because it hung */
  result(killed: boolean): TurnResult {
    for (const name of this.#running) {
      this.#counts(name).unfinished++;
    }
    this.#running.clear();
    return {
      tests: this.#tests,
      ending: this.#ending(killed),
      said: [...this.#lastWords, ...this.#said],
    };
  }

  #ending(killed: boolean): Ending {
    if (!this.#built) {
      return 'build';
    }
    return killed || this.#timedOut ? 'hang' : (this.#ended ?? 'crash');
  }

  #take({ Action: action, Test: test, Output: output = '' }: Event): void {
    switch (action) {
      case 'run':
        this.#running.add(test ?? '');
        this.#output.set(test ?? '', []);
        return;
      case 'pass':
      case 'fail':
      case 'skip':
        this.#end(action, test);
        return;
      case 'build-fail':
        this.#built = false;
        return;
      case 'build-output':
        this.#say(output);
        return;
      case 'output':
        this.#hear(test ?? '', output);
    }
  }

  #end(action: 'pass' | 'fail' | 'skip', test: string | undefined): void {
    if (test === undefined) {
      return; // The package: what its process said last tells more.
    }
    if (action === 'fail' && this.#timedOut) {
      return; // It did not end.
    }
    this.#running.delete(test);
    this.#counts(test)[action]++;
    this.ended++;
    if (action === 'fail') {
      this.#output.get(test)?.forEach((line) => {
        this.#say(line);
      });
    }
    this.#output.delete(test);
  }

  #hear(test: string, output: string): void {
    if (test === '' && (output === 'PASS\n' || output === 'FAIL\n')) {
      this.#ended = output === 'PASS\n' ? 'pass' : 'fail';
    }
    this.#timedOut ||= output.startsWith('panic: test timed out after ');
    this.#panicked ||= /^(?:panic|fatal error|SIG[A-Z]+): /.test(output);
    if (this.#timedOut || this.#panicked) {
      this.#say(output, this.#lastWords);
    } else {
      this.#output.get(test)?.push(output);
    }
  }

  #say(output: string, said = this.#said): void {
    if (said.length < saidLines) {
      said.push(output.trimEnd());
    }
  }

  #counts(name: string): TestCounts {
    let counts = this.#tests.get(name);
    if (counts === undefined) {
      counts = { pass: 0, fail: 0, skip: 0, unfinished: 0 };
      this.#tests.set(name, counts);
    }
    return counts;
  }
}

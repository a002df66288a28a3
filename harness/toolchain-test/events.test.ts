/** The lines were recorded: `go test -json` of testdata/endings_test.go.txt with Go 1.26.8. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readRecorded } from './testing/recorded.ts';

test('repetitions are counted by name, subtests too', async () => {
  const { tests, ending } = await readRecorded('experiment');
  expect(ending).toBe('fail');
  expect(tests.get('TestPasses')).toEqual({ pass: 10, fail: 0, skip: 0, unfinished: 0 });
  expect(tests.get('TestSkips')).toEqual({ pass: 0, fail: 0, skip: 10, unfinished: 0 });
  expect(tests.get('TestVaries')).toEqual({ pass: 7, fail: 3, skip: 0, unfinished: 0 });
  expect(tests.get('TestParallel/two')).toEqual({ pass: 10, fail: 0, skip: 0, unfinished: 0 });
  expect(tests.get('TestFailsUnderTheExperiment/bad')?.fail).toBe(10);
});

test('the words of what failed are kept, those of what passed are not', async () => {
  const { said } = await readRecorded('experiment');
  expect(said.join('\n')).toContain('endings_test.go:16: always');
  expect(said.join('\n')).not.toContain('TestPasses');
});

test('a process over its time limit hangs, and names the test that did not end', async () => {
  const { tests, ending, said } = await readRecorded('hang');
  expect(ending).toBe('hang');
  expect(tests.get('TestHangs')).toEqual({ pass: 0, fail: 0, skip: 0, unfinished: 1 });
  expect(tests.has('TestAfter')).toBe(false);
  expect(said[0]).toBe('panic: test timed out after 2s');
});

test('a panic is the failure of its test and the early end of the process', async () => {
  const { tests, ending, said } = await readRecorded('panic');
  expect(ending).toBe('crash');
  expect(tests.get('TestPanics')?.fail).toBe(1);
  expect(tests.has('TestAfter')).toBe(false);
  expect(said.join('\n')).toContain('panic: of the test');
});

test('what does not compile ran no test', async () => {
  const { tests, ending, said } = await readRecorded('build');
  expect(ending).toBe('build');
  expect(tests.size).toBe(0);
  expect(said.join('\n')).toContain('cannot use "no"');
});

test('a process that was killed from outside hangs, whatever it said', async () => {
  const path = join(import.meta.dirname, 'testdata', 'stock.jsonl');
  const half = (await readFile(path, 'utf8')).split('\n').slice(0, 30);
  expect((await readRecorded('stock', { lines: half, killed: true })).ending).toBe('hang');
  expect((await readRecorded('stock', { lines: half, killed: false })).ending).toBe('crash');
});

test('a line that is no event is refused', async () => {
  await expect(readRecorded('stock', { lines: ['{"Action":7}'], killed: false })).rejects.toThrow(
    '/Action: 7 seen',
  );
});

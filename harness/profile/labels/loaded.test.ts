import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Type from 'typebox';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseJson } from '../../lib/json.ts';
import { rootDir } from '../../lib/paths.ts';
import { decodeProfile } from '../decode.ts';
import { columnOf, totalOf } from '../profile.ts';
import { buildProgram, goCommand, goReleases, minorOf } from '../testing/go-program.ts';
import { TraceStacks } from '../trace-stacks.ts';
import { offCpu } from './off-cpu.ts';
import { labelShares } from './shares.ts';

const source = join(rootDir, 'harness/profile/testdata/loadserver.go');

/** How much of a loaded server has a name; the shares that the project promises. */
describe.each(goReleases())('a loaded server of Go $release $go.missing', ({ go }) => {
  let dir = '';

  beforeAll(() => {
    if (go.version !== null) {
      const built = buildProgram(go, source);
      dir = built.dir;
      execFileSync(built.binary, [dir, '3000'], { timeout: 60_000 });
    }
  }, 180_000);
  afterAll(() => dir !== '' && rmSync(dir, { recursive: true }));

  test.skipIf(go.version === null)('at least 90 % of the scheduler’s CPU time is labelled', () => {
    const profile = decodeProfile(readFileSync(join(dir, 'cpu.pb.gz')));
    const column = columnOf(profile, 'cpu');
    const shares = labelShares(profile, column, 'cpu');
    expect(shares.total + shares.tool).toBe(totalOf(profile, column));
    expect(Object.values(shares.byLabel).reduce((a, b) => a + b, 0n)).toBe(shares.total);
    expect(shares.toLabel).toBeGreaterThan(0n);
    expect(Number(shares.labelled) / Number(shares.toLabel)).toBeGreaterThanOrEqual(0.9);
    expect(shares.byLabel['sys:write']).toBeGreaterThan(0n);
    expect(shares.byLabel['sys:read']).toBeGreaterThan(0n);
  });

  // Before 1.23 a trace does not say where a goroutine stands that was parked before it.
  test.skipIf(!(minorOf(go.version ?? '') >= 23))(
    'at least 95 % of off-CPU time is labelled, and most of it is the network',
    { timeout: 180_000 },
    () => {
      const trace = summarize(join(dir, 'trace.out'));
      for (const idle of [false, true]) {
        const { labels, totalNs, labelledNs, folded } = offCpu(trace, { idle });
        expect(labelledNs / totalNs).toBeGreaterThanOrEqual(0.95);
        expect(labels[0]?.label).toBe('io:wait(net)');
        expect(labels.reduce((sum, { ns }) => sum + ns, 0)).toBe(totalNs);
        expect(Number(folded.reduce((sum, { value }) => sum + value, 0n))).toBe(totalNs);
        const found = new Set(labels.map(({ label }) => label));
        expect([...found]).toEqual(
          expect.arrayContaining(['chan:recv(block)', 'time:sleep', 'sys:write', 'sys:read']),
        );
        expect(found.has('gc:idle')).toBe(idle);
      }
      // The idle connections were parked before the trace and never woken.
      const open = trace.blocked.filter(
        ({ openCount, reason }) => openCount > 1 && reason === 'unknown',
      );
      expect(open.length).toBeGreaterThan(0);
      // So were the slow ones, and woken before the trace came to list where goroutines stand.
      const inferred = trace.blocked.filter(({ reason }) => reason === 'network (inferred)');
      expect(inferred.reduce((sum, wait) => sum + wait.openCount, 0)).toBeGreaterThan(10);
      expect(trace.runnableNs.count).toBeGreaterThan(1000);
      expect(trace.toolNs).toBeGreaterThan(0);
    },
  );
});

/** Built by the Go at hand, whatever the trace comes from. */
function summarize(path: string): TraceStacks {
  const tracesum = buildProgram(goCommand(), './cmd/tracesum', join(rootDir, 'go-fixtures'));
  try {
    const text = execFileSync(tracesum.binary, ['-stacks', path], {
      ...{ encoding: 'utf8', maxBuffer: 1 << 28 },
    });
    const schema = Type.Object({ stacks: TraceStacks });
    return parseJson(text, schema, { name: 'tracesum', remedy: 'fix tracesum' }).stacks;
  } finally {
    rmSync(tracesum.dir, { recursive: true });
  }
}

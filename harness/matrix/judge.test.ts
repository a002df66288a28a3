import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { checkJson } from '../lib/json.ts';
import { rootDir } from '../lib/paths.ts';
import { marksOf } from './cells.ts';
import { type MatrixEvidence, readMatrixEvidence } from './evidence.ts';
import { judgeMatrix } from './judge.ts';
import { MatrixReport } from './matrix-report.ts';
import { capacitiesOf, fullRatePerSec, ratesOf } from './rates.ts';
import { renderMatrixText } from './render/console.ts';
import { renderMatrixHtml } from './render/html.ts';
import { renderMatrixMarkdown } from './render/markdown.ts';

const recorded = join(rootDir, 'harness/test/recorded-matrix');
let two: MatrixEvidence;
beforeAll(async () => {
  two = await readMatrixEvidence(recorded);
});

/** The two recorded rounds of each stage, again and again, with all CPUs for each server. */
function evidence(rounds = 6): MatrixEvidence {
  const copy = structuredClone(two);
  for (const { server } of partOf(judgeMatrix(two)).fairness) {
    withCpus(copy, server, 0.95);
  }
  for (const group of copy.groups) {
    for (const stage of ['saturation', 'open'] as const) {
      const [first, second] = group[stage];
      group[stage] = Array.from({ length: rounds }, (_, index) =>
        structuredClone((index % 2 === 0 ? first : second) as (typeof group.open)[number]),
      );
    }
  }
  return copy;
}

function partOf(report: MatrixReport): MatrixReport['parts'][number] {
  const [part] = report.parts;
  if (part === undefined) {
    throw new Error('the report has no part');
  }
  return part;
}

/** Changes what every turn of a server is made of. */
function eachTurn(
  all: MatrixEvidence,
  server: string,
  change: (
    turn: NonNullable<ReturnType<(typeof all.groups)[0]['open'][0]['turns']['get']>>,
  ) => void,
): MatrixEvidence {
  for (const { turns } of all.groups.flatMap((group) => [...group.saturation, ...group.open])) {
    const turn = turns.get(server);
    if (turn !== undefined) {
      change(turn);
    }
  }
  return all;
}

/** A server that used this many CPUs at saturation. */
function withCpus(all: MatrixEvidence, server: string, cpus: number): void {
  eachTurn(all, server, ({ record, load }) => {
    const phase = load.phases.find(({ name }) => name === 'saturation');
    const edges = record.windows['saturation']?.edges;
    if (phase && edges?.begin.fixture && edges.end.fixture) {
      const { userCpuNs, systemCpuNs } = edges.begin.fixture;
      const used = Math.round(cpus * (phase.endNs - phase.startNs));
      Object.assign(edges.end.fixture, { userCpuNs: userCpuNs + used, systemCpuNs });
    }
  });
}

test('recorded: the report is valid, complete, and the same again', async () => {
  const report = judgeMatrix(two);
  checkJson(report, MatrixReport, { name: 'report', remedy: '' });
  expect(report.rounds).toEqual({ finished: 4, planned: 4 });
  expect(judgeMatrix(await readMatrixEvidence(recorded))).toEqual(report);
  // Two rounds are a look.
  expect(partOf(report).claims.map(({ verdict }) => verdict)).toEqual(Array(7).fill('undecided'));
  expect([report.outcome, report.exitCode]).toEqual(['undecided', 6]);
});

test('recorded: the poller, the page cache and the CPUs of every server are proved', () => {
  const { fairness } = partOf(judgeMatrix(two));
  expect(fairness.map(({ server }) => server)).toEqual(['epoll', 'epoll-again', 'io_uring']);
  for (const row of fairness) {
    expect([row.contradictions, row.unproved]).toEqual([[], []]);
    expect(row.cpus).toBe(two.record.placement.servers);
    const [none, many] =
      row.server === 'io_uring'
        ? [row.polls?.epoll, row.polls?.ioUring]
        : [row.polls?.ioUring, row.polls?.epoll];
    expect(none).toBe(0);
    expect(many).toBeGreaterThan(100);
  }
  expect(new Set(fairness.map(({ goVersion }) => goVersion)).size).toBe(1);
});

test('with enough rounds: the claim of 2.1 times the QPS is refuted, with its reason; exit code 0 or 6', () => {
  const report = judgeMatrix(evidence());
  const qps = partOf(report).claims.find(({ claim }) => claim === 'qps');
  expect(qps).toMatchObject({ cell: 'hot, 64 connections, saturation', verdict: 'refuted' });
  expect(qps?.reason).toMatch(
    /^per request: CPU .* ÷ .* = ×.*; context switches .* ÷ .*; system calls .* ÷ .*; task_work .* ÷ –$/,
  );
  // A claim that is refuted is a result, and no failure.
  const open = partOf(report).claims.some(({ verdict }) => verdict === 'undecided');
  expect(report.exitCode).toBe(open ? 6 : 0);
});

test('each claim is judged in the cells that it speaks of, and in no others', () => {
  const cells = (claim: string) =>
    partOf(judgeMatrix(two))
      .claims.filter((each) => each.claim === claim)
      .map(({ cell }) => cell.split(', ').at(-1));
  expect(cells('qps')).toEqual(['saturation']);
  expect(cells('p99-ratio')).toEqual(['50 %', '75 %']);
  const other = structuredClone(two);
  for (const plan of other.record.plans) {
    for (const claim of Object.values(plan.description.claims)) {
      claim.connections = [10_000];
    }
  }
  // What is tested nowhere is said nevertheless.
  const untested = partOf(judgeMatrix(other)).claims;
  expect(untested.map(({ claim }) => claim)).toEqual(
    Object.keys(other.record.plans[0]?.description.claims ?? {}),
  );
  for (const { cell, verdict, why } of untested) {
    expect([cell, verdict]).toEqual(['–', 'not-testable-here']);
    expect(why).toBe('it speaks of 10,000 connections, and this matrix has 64');
  }
});

test('a server that polls otherwise than its name says is invalid data, and no verdict', () => {
  const liar = eachTurn(evidence(), 'io_uring', (turn) => {
    if (turn.probe?.syscalls) {
      turn.probe.syscalls = { ...turn.probe.syscalls, io_uring_enter: 0, epoll_pwait: 12_345 };
    }
  });
  const report = judgeMatrix(liar);
  expect([report.outcome, report.exitCode]).toEqual(['invalid', 3]);
  const row = partOf(report).fairness.find(({ server }) => server === 'io_uring');
  expect(row?.contradictions[0]).toContain('74,070 calls of epoll_wait and 0 of io_uring_enter');
  const qps = partOf(report).claims.find(({ claim }) => claim === 'qps');
  expect(qps).toMatchObject({
    verdict: 'not-testable-here',
    why: expect.stringContaining('io_uring'),
  });
});

test('a netpoller makes no call of the other one; a loop of its own leaves some to the runtime', () => {
  const withCalls = (epoll: number, own: boolean) => {
    const all = eachTurn(evidence(2), 'io_uring', ({ probe }) => {
      if (probe?.syscalls) {
        probe.syscalls = { ...probe.syscalls, io_uring_enter: 10_000, epoll_pwait: epoll };
      }
    });
    const server = all.record.plans[0]?.description.servers['io_uring'];
    Object.assign(server ?? {}, own ? { polls: 'io_uring' } : {});
    const { fairness } = partOf(judgeMatrix(all));
    return fairness.find((row) => row.server === 'io_uring')?.contradictions.length;
  };
  expect(withCalls(0, false)).toBe(0);
  expect(withCalls(1, false)).toBe(1);
  expect(withCalls(100, true)).toBe(0);
  expect(withCalls(101, true)).toBe(1);
});

test('hot pages that came from storage are invalid data; unread counters are said', () => {
  const read = (bytes: (requests: number) => number | null) =>
    judgeMatrix(
      eachTurn(evidence(2), 'epoll', ({ record, load }) => {
        for (const [name, window] of Object.entries(record.windows)) {
          const arms = load.phases.find((phase) => phase.name === name)?.arms;
          window.deviceReadBytes = bytes(arms?.['epoll']?.completed ?? 0);
        }
      }),
    );
  const rowOf = (report: MatrixReport) => partOf(report).fairness.find((r) => r.server === 'epoll');
  const cold = read((requests) => 4096 * requests);
  expect(cold.exitCode).toBe(3);
  expect(rowOf(cold)?.contradictions).toEqual([
    '4,100 bytes a request came from storage, expected 0',
  ]);
  expect(rowOf(read(() => null))?.unproved[0]).toContain('page cache');
});

test('threads of a ring outside of the CPU budget, and time beyond it, are found', () => {
  const wide = judgeMatrix(
    eachTurn(evidence(2), 'io_uring', ({ record }) => {
      record.ringThreads = [{ kind: 'io-wq', cpus: '0-63', count: 4 }];
      for (const { edges } of Object.values(record.windows)) {
        if (edges.end.fixture) {
          edges.end.fixture.systemCpuNs += 60e9;
        }
      }
    }),
  );
  const row = partOf(wide).fairness.find(({ server }) => server === 'io_uring');
  expect(row?.ringThreads).toBe('4 io-wq on CPU 0-63');
  expect(row?.unproved[0]).toContain('they may run on 0-63');
  expect(row?.contradictions[0]).toContain('the budget is');
  expect(wide.exitCode).toBe(3);
});

test('a generator that was busy makes the ratio a bound, and for both sides nothing', () => {
  const busy = (...servers: string[]) =>
    servers.reduce(
      (all, server) =>
        eachTurn(all, server, ({ load }) => {
          for (const phase of load.phases) {
            phase.generator.busyRatio = 0.95;
          }
        }),
      evidence(),
    );
  const verdict = (all: MatrixEvidence) =>
    partOf(judgeMatrix(all)).claims.find(({ claim }) => claim === 'qps')?.verdict;
  expect(verdict(busy('io_uring'))).toBe('undecided');
  expect(verdict(busy('epoll'))).toBe('refuted');
  expect(verdict(busy('epoll', 'io_uring'))).toBe('not-testable-here');
});

test('a server that did not get its CPUs at saturation is named; the generator’s limit and a disk explain it', () => {
  const warned = (change: (all: MatrixEvidence) => void) => {
    const all = evidence(2);
    change(all);
    return judgeMatrix(all).warnings.some((text) => text.includes('epoll of block-4k/hot-64 had'));
  };
  const withCpu = (share: number) => (all: MatrixEvidence) => withCpus(all, 'epoll', share);
  const claimed = (share: number) => {
    const all = evidence();
    withCpu(share)(all);
    return partOf(judgeMatrix(all)).claims.find(({ claim }) => claim === 'qps')?.why;
  };
  // The reference is starved: the ratio is at most what was seen.
  expect(claimed(0.95)).not.toContain('did not get its CPUs');
  expect(claimed(0.5)).toContain('at most this: the other server did not get its CPUs');
  expect(warned(withCpu(0.95))).toBe(false);
  expect(warned(withCpu(0.5))).toBe(true);
  expect(
    warned((all) => {
      withCpu(0.5)(all);
      Object.assign(all.record.plans[0]?.description.conditions['hot'] ?? {}, {
        deviceReads: 'every',
      });
    }),
  ).toBe(false);
});

test('servers that cannot run here are told with reason and command, and fail nothing', () => {
  const without = evidence();
  without.record.untestable = {
    'block-4k/io_uring': {
      reason: 'EPERM by sysctl',
      remedy: 'sysctl -w kernel.io_uring_disabled=0',
    },
  };
  for (const { turns } of without.groups.flatMap((group) => [...group.saturation, ...group.open])) {
    turns.delete('io_uring');
  }
  const report = judgeMatrix(without);
  const qps = partOf(report).claims.find(({ claim }) => claim === 'qps');
  expect(qps).toMatchObject({
    verdict: 'not-testable-here',
    why: 'EPERM by sysctl; to mend it: sysctl -w kernel.io_uring_disabled=0',
  });
  expect(report.exitCode).not.toBe(3);
  expect(renderMatrixMarkdown(report)).toContain('sysctl -w kernel.io&#95;uring&#95;disabled=0');
});

test('a server whose turns fail is invalid data, in the words of the failure', () => {
  const broken = evidence();
  for (const { turns, record } of broken.groups.flatMap((g) => [...g.saturation, ...g.open])) {
    turns.delete('io_uring');
    record.turns['io_uring'] = { failure: 'server io_uring ended\nto mend it: look' };
  }
  const report = judgeMatrix(broken);
  expect([report.outcome, report.exitCode]).toEqual(['invalid', 3]);
  const qps = partOf(report).claims.find(({ claim }) => claim === 'qps');
  expect(qps).toMatchObject({
    verdict: 'not-testable-here',
    why: 'io_uring: server io_uring ended',
  });
});

test('A/A: more than 3 % in CPU, or more than its own interval in p50, marks a cell', () => {
  const interval = (center: number, lo: number | null, hi: number | null) => {
    return { center, lo, hi, confidence: 0.95, n: 5 };
  };
  const good = interval(1.01, 0.97, 1.05);
  expect(marksOf({ cpu: good, p50: good })).toEqual([]);
  expect(marksOf({ cpu: interval(1.029, 1.02, 1.04), p50: good })).toEqual([]);
  expect(marksOf({ cpu: interval(0.96, 0.9, 1.1), p50: good })[0]).toContain('4.00 % in CPU');
  expect(marksOf({ cpu: good, p50: interval(1.02, 1.01, 1.03) })[0]).toContain('differs in p50');
  expect(marksOf({ cpu: good, p50: interval(0.9, 0.8, 0.99) })).toHaveLength(1);
  // Far off, but so is its interval.
  expect(marksOf({ cpu: good, p50: interval(1.5, 0.7, 3) })).toEqual([]);
  expect(marksOf({ cpu: null, p50: good })).toEqual(['A/A was not measured']);
});

test('all servers get the same rate: a share of the slowest, or of what the generator can', () => {
  const [group] = two.groups;
  const capacities = capacitiesOf(group?.saturation ?? []);
  const rates = [...capacities.values()].map(({ perSec }) => perSec);
  const full = fullRatePerSec(capacities) ?? 0;
  expect(full).toBeLessThanOrEqual(Math.min(...rates));
  expect(ratesOf(group?.saturation ?? [], [50, 75])).toEqual(
    new Map([
      [50, Math.round(full * 0.5)],
      [75, Math.round(full * 0.75)],
    ]),
  );
  // The rates that were sent are those that the evidence gives: a resumed run would send the same.
  expect(group?.open[0]?.record.ratesPerSec).toEqual({
    'load-50': Math.round(full * 0.5),
    'load-75': Math.round(full * 0.75),
  });
  const limited = new Map([
    ['fast', { perSec: 100_000, generatorBusy: 1 }],
    ['slow', { perSec: 90_000, generatorBusy: 0.2 }],
  ]);
  expect(fullRatePerSec(limited)).toBe(80_000);
  expect(fullRatePerSec(new Map())).toBeUndefined();
});

test('the page is whole and makes no request; the texts name verdicts, cells and the way to repeat', () => {
  const report = judgeMatrix(evidence());
  const page = renderMatrixHtml(report);
  const body = page.replace(/<(script|style)\b[\s\S]*?<\/\1>/g, '');
  expect(body).not.toMatch(/undefined|NaN|Infinity|\[object|>null<|https?:/);
  const ids = [...body.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id);
  expect(ids).toEqual([...new Set(ids)]);
  const anchors = [...body.matchAll(/href="#([^"]*)"/g)].map(([, id]) => id);
  expect(anchors.filter((id) => !ids.includes(id))).toEqual([]);
  expect(body.match(/data-chart="/g)).toHaveLength(2);
  for (const text of [page, renderMatrixMarkdown(report), renderMatrixText(report)]) {
    expect(text).toContain('refuted');
    expect(text).toContain('64 connections, saturation');
  }
  expect(page).toContain('npm run bench io_uring_matrix');
});

test('texts of the run stay texts', () => {
  const poisoned = structuredClone(judgeMatrix(two));
  const hostile = '<script>alert(1)</script>‮';
  Object.assign(poisoned, { headline: hostile, command: hostile, warnings: [hostile] });
  for (const part of poisoned.parts) {
    Object.assign(part, { title: hostile, question: hostile });
    for (const claim of part.claims) {
      Object.assign(claim, { says: hostile, why: hostile });
    }
  }
  const page = renderMatrixHtml(poisoned);
  expect(page.match(/<script\b/g)).toHaveLength(2);
  expect(page).not.toContain('\u202e');
});

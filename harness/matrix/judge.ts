import { type ExitCode, exitCode, worstExit } from '../lib/errors.ts';
import { formatInteger, significant } from '../lib/units.ts';
import { cellsOf, probedOf } from './cells.ts';
import { claimCellsOf, withUntested } from './claim-cells.ts';
import type { GroupEvidence, MatrixEvidence } from './evidence.ts';
import { fairnessOf } from './fairness.ts';
import type { ClaimCell, MatrixPart, MatrixReport } from './matrix-report.ts';
import { type MatrixPlan, serversOf } from './plan.ts';
import type { MatrixRecord } from './record.ts';
import { fullCpuShare, starvedOf } from './starved.ts';
import { stepsOf } from './steps.ts';

/** From the evidence to the report; a pure function. */
export function judgeMatrix({ record, groups }: MatrixEvidence): MatrixReport {
  const parts = record.plans.map((plan) =>
    partOf(
      record,
      plan,
      groups.filter(({ group }) => group.matrix === plan.id),
    ),
  );
  const finished = groups.reduce(
    (n, { saturation, open }) => n + saturation.length + open.length,
    0,
  );
  const rounds = { finished, planned: stepsOf(record).length };
  const { outcome, code } = conclude(record, parts, rounds);
  return {
    schema: 1,
    runId: record.runId,
    suite: record.suite,
    command: record.command,
    startedAt: record.startedAt,
    durationNs: record.durationNs,
    outcome,
    exitCode: code,
    headline: headline(parts.flatMap(({ claims }) => claims)),
    failure: record.failure,
    warnings: [...warningsOf(record, parts, rounds)],
    rounds,
    parts,
    fingerprint: record.fingerprint,
    fitness: record.fitness,
  };
}

function partOf(
  record: MatrixRecord,
  plan: MatrixPlan,
  groups: readonly GroupEvidence[],
): MatrixPart {
  const { id, description } = plan;
  const perGroup = groups.map((evidence) => {
    const fairness = fairnessOf(record, plan, evidence);
    const cells = cellsOf(plan, evidence);
    const wrong = fairness.filter(({ contradictions }) => contradictions.length > 0);
    const contradicted = new Set(wrong.map(({ server }) => server));
    const doubtful = fairness.filter((row) => row.unproved.length > 0);
    const unproved = new Set(doubtful.map(({ server }) => server));
    const probed = probedOf(evidence.open);
    const claims = claimCellsOf({
      ...{ plan, group: evidence.group, record, cells, probed, contradicted, unproved },
    });
    return { fairness, cells, claims };
  });
  const names = Object.keys(description.claims);
  return {
    id,
    title: description.title,
    question: description.question,
    servers: Object.entries(description.servers).map(([name, { label }]) => ({ name, label })),
    control: description.control,
    cells: perGroup.flatMap(({ cells }) => cells),
    claims: withUntested(
      plan,
      perGroup.flatMap(({ claims }) => claims),
    ).sort((a, b) => names.indexOf(a.claim) - names.indexOf(b.claim)),
    fairness: perGroup.flatMap(({ fairness }) => fairness),
    untestable: Object.entries(record.untestable)
      .filter(([what]) => what.startsWith(`${id}/`))
      .map(([what, why]) => ({ what, ...why })),
  };
}

/**
 * A refuted claim is a result and no failure. What is invalid is: a server that is not what it is
 * said to be, or a cell in which a server that could run has no figures.
 */
function conclude(
  record: MatrixRecord,
  parts: readonly MatrixPart[],
  { finished, planned }: MatrixReport['rounds'],
): { outcome: MatrixReport['outcome']; code: ExitCode } {
  const claims = parts.flatMap((part) => part.claims);
  const invalid = parts.some(
    ({ fairness, cells }) =>
      fairness.some(({ contradictions }) => contradictions.length > 0) ||
      cells.some((cell) =>
        cell.servers.some(({ server, qps }) => qps === null && ran(record, cell.group, server)),
      ),
  );
  const undecided = claims.some(({ verdict }) => verdict === 'undecided');
  const code = worstExit([
    record.failureExit as ExitCode,
    ...(invalid ? [exitCode.invalidData] : []),
    ...(undecided || finished < planned ? [exitCode.undecided] : []),
  ]);
  if (record.status === 'interrupted' || record.status === 'failed') {
    return { outcome: record.status, code };
  }
  // One that was killed had no time to say so.
  if (finished < planned) {
    return { outcome: 'interrupted', code };
  }
  return { outcome: invalid ? 'invalid' : undecided ? 'undecided' : 'judged', code };
}

function ran({ plans, untestable }: MatrixRecord, group: string, server: string): boolean {
  const id = group.split('/')[0] ?? '';
  const plan = plans.find((each) => each.id === id);
  const takesPart = plan?.groups.some(({ condition }) =>
    serversOf(plan.description, condition).includes(server),
  );
  return takesPart === true && !Object.hasOwn(untestable, `${id}/${server}`);
}

function headline(claims: readonly ClaimCell[]): string {
  const count = (verdict: ClaimCell['verdict']) =>
    claims.filter((each) => each.verdict === verdict).length;
  const words = [
    `${count('confirmed')} confirmed`,
    `${count('refuted')} refuted`,
    `${count('undecided')} undecided`,
    `${count('not-testable-here')} not testable here`,
  ];
  return `Of ${formatInteger(claims.length)} claims in their cells: ${words.join(', ')}.`;
}

function* warningsOf(
  record: MatrixRecord,
  parts: readonly MatrixPart[],
  { finished, planned }: MatrixReport['rounds'],
): Generator<string> {
  if (record.quick) {
    yield 'A quick run: a look, not a measurement.';
  }
  if (finished < planned) {
    yield `${finished} of ${planned} rounds were finished; the others: npm run bench ${record.suite} -- --resume <this folder>`;
  }
  if (record.unprobed !== null) {
    yield `Nothing was probed (${record.unprobed.reason}), so that pollers are not proved; to mend it: ${record.unprobed.remedy}`;
  }
  if (record.placement.generator < 0) {
    yield 'Servers and generator shared one CPU: absolute figures are those of both.';
  }
  const marked = parts.flatMap(({ cells }) => cells).filter(({ marks }) => marks.length > 0);
  if (marked.length > 0) {
    yield `${marked.length} cells are marked: the same program twice (A/A) differed there.`;
  }
  const robbed = starved(record, parts);
  if (robbed.length > 0) {
    yield `At saturation ${robbed.slice(0, 3).join(', ')}${robbed.length > 3 ? ` and ${robbed.length - 3} more` : ''}: less than ${100 * fullCpuShare} % of the CPU budget, the generator not being the limit. Other programs had the rest, so these QPS are no capacities.`;
  }
}

/** Servers that did not get their CPUs at saturation, with what they got. */
function starved(record: MatrixRecord, parts: readonly MatrixPart[]): string[] {
  return parts.flatMap(({ id, cells }) => {
    const description = record.plans.find((plan) => plan.id === id)?.description;
    return cells.flatMap((cell) =>
      cell.servers.flatMap((server) => {
        const cpus = description && starvedOf(record, description, cell, server);
        return cpus === undefined
          ? []
          : [`${server.server} of ${cell.group} had ${significant(cpus)} CPUs`];
      }),
    );
  });
}

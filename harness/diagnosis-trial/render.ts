import { markdownText } from '../report/render/markdown-text.ts';
import type { TrialRecord } from './result.ts';
import { isRight, type Outcome, type Score, wrongOf } from './score.ts';

/** The goals of the suite, held against what was counted. */
export function renderTrial(
  record: TrialRecord,
  outcomes: readonly Outcome[],
  score: Score,
): string {
  const rows = record.subjects.map(({ id, expect }) => {
    const own = outcomes.filter(({ subject }) => subject.id === id);
    const said = own.map(({ ranked, confirmed }) =>
      ranked.length === 0
        ? 'none'
        : ranked
            .slice(0, 3)
            .map((cause) => (confirmed.includes(cause) ? `**${cause}**` : cause))
            .join(', '),
    );
    const right = own.filter(isRight).length;
    const wrong = own.flatMap(wrongOf);
    return `| ${[
      markdownText(id),
      expect.join(', ') || 'none',
      said.join(' · ') || '–',
      `${right} of ${own.length}`,
      wrong.join(', '),
    ].join(' | ')} |`;
  });
  const share = (part: number, whole: number) =>
    whole === 0 ? 'not tried' : `${part} of ${whole} (${((100 * part) / whole).toFixed(1)} %)`;
  return `${[
    `## Diagnosis: ${score.topOne} of ${score.faults} faults named first, ${score.wrongConfirmed} wrong causes confirmed`,
    '',
    `${outcomes.length} diagnoses of ${record.seconds} s${record.noise ? ', a neighbour taking one CPU throughout' : ''}; ${record.fingerprint.cpuModel}, ${record.fingerprint.kernel}.`,
    '',
    '| goal | seen |',
    '| :--- | :--- |',
    `| the fault's cause comes first: 98 % | ${share(score.topOne, score.faults)} |`,
    `| no wrong cause confirmed | ${score.wrongConfirmed} in ${score.diagnoses} diagnoses |`,
    `| no cause confirmed for a correct twin | ${share(score.quietTwins, score.twins)} |`,
    `| both of two faults among the first three | ${share(score.topThree, score.pairs)} |`,
    '',
    '| server | built in | named first to third, each time; bold: confirmed | right | wrongly confirmed |',
    '| :--- | :--- | :--- | ---: | :--- |',
    ...rows,
    ...record.skipped.map(({ name, why }) => `\n> ${markdownText(name)} was not tried: ${why}`),
    '',
    `To repeat it: \`${record.command}\``,
  ].join('\n')}\n`;
}

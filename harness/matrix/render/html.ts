import { formatDuration } from '../../lib/units.ts';
import { html } from '../../report/render/html-text.ts';
import { pageHtml, type Section, section, sectionHtml } from '../../report/render/page.ts';
import { visibleLines } from '../../report/render/text.ts';
import type { MatrixReport } from '../matrix-report.ts';
import {
  claimsPanel,
  fairnessPanel,
  loadPanel,
  machinePanel,
  pairsPanel,
  untestablePanel,
} from './panels.ts';
import { matrixOutcomeWords } from './words.ts';

/**
 * A matrix as one page that needs nothing else, in the frame of a suite's report. The same report
 * gives the same bytes.
 */
export function renderMatrixHtml(report: MatrixReport): string {
  const parts = report.parts.map((part, index) => {
    const prefix = `m${index + 1}`;
    const named = (id: string, title: string, content: ReturnType<typeof claimsPanel>) =>
      section(`${prefix}-${id}`, title, content, prefix);
    return [
      ...named('claims', 'Claims', claimsPanel(part)),
      ...named('load', 'QPS and p99 against load', loadPanel(part)),
      ...named('pairs', 'Pairs', pairsPanel(part)),
      ...named('untestable', 'Not testable here', untestablePanel(part)),
      ...named('fairness', 'Fairness', fairnessPanel(part)),
    ];
  });
  const closing = section('machine', 'Machine', machinePanel(report));
  const { mark, label } = matrixOutcomeWords[report.outcome];
  return pageHtml({
    title: `${mark} ${report.suite}: ${label}`,
    banner: bannerHtml(report),
    nav: navHtml(report, parts, closing),
    main: `${report.parts.map((part, index) => partHtml(part, `m${index + 1}`, parts[index] ?? [])).join('\n')}
<article id="run"><header><h2>The run</h2></header>
${closing.map(sectionHtml).join('\n')}
</article>`,
    charts: [...parts.flat(), ...closing].flatMap(({ charts }) => charts),
  });
}

function bannerHtml(report: MatrixReport): string {
  const { mark, label, tone } = matrixOutcomeWords[report.outcome];
  const { finished, planned } = report.rounds;
  const chips = [`${finished} of ${planned} rounds`, `exit code ${report.exitCode}`];
  const failure =
    report.failure === '' ? '' : `<pre>${visibleLines(report.failure).map(html).join('\n')}</pre>`;
  const warnings = report.warnings.map((text) => `<li>${html(text)}</li>`).join('');
  return `<header class="banner ${tone}">
<p class="suite">pollgate <span>·</span> ${html(report.suite)}</p>
<h1><span class="mark" aria-hidden="true">${mark}</span> ${html(label.charAt(0).toUpperCase() + label.slice(1))}</h1>
<p class="headline">${html(report.headline)}</p>
${failure}<ul class="chips">${chips.map((chip) => `<li>${html(chip)}</li>`).join('')}</ul>
${warnings === '' ? '' : `<ul class="warnings">${warnings}</ul>\n`}<p class="when">${html(report.startedAt)} · took ${html(formatDuration(report.durationNs))} · ${html(report.fingerprint.cpuModel)}, kernel ${html(report.fingerprint.kernel)}, ${html(report.fingerprint.goVersion)}</p>
</header>`;
}

function navHtml(
  { parts }: MatrixReport,
  sections: readonly Section[][],
  closing: readonly Section[],
): string {
  const link = (id: string, text: string) => `<a href="#${id}">${html(text)}</a>`;
  const items = (list: readonly Section[]) =>
    list.map(({ id, title }) => `<li>${link(id, title)}</li>`).join('');
  const groups = parts.map(
    ({ id }, index) =>
      `<li class="group">${link(`m${index + 1}`, id)}<ul>${items(sections[index] ?? [])}</ul></li>`,
  );
  return `<nav aria-label="Contents"><ul>${groups.join('')}<li class="group">${link('run', 'The run')}<ul>${items(closing)}</ul></li></ul></nav>`;
}

function partHtml(
  { id: name, title, question }: MatrixReport['parts'][number],
  id: string,
  sections: readonly Section[],
): string {
  return `<article id="${id}"><header class="intro">
<h2>${html(name)} <span>${html(title)}</span></h2>
<p class="question">${html(question)}</p>
</header>
${sections.map(sectionHtml).join('\n')}
</article>`;
}

import { formatDuration } from '../../lib/units.ts';
import { closingPanels, leadingPanels, scenarioPanels } from '../panels/index.ts';
import type { Report, ScenarioReport } from '../report.ts';
import { comparedWords, outcomeWords, reservations } from '../words.ts';
import { html } from './html-text.ts';
import { pageHtml, type Section, section, sectionHtml } from './page.ts';
import { visibleLines } from './text.ts';

/**
 * The report as one page that needs nothing else: style, script and data are inside, and its
 * Content-Security-Policy forbids every request. The same report gives the same bytes.
 */
export function renderHtml(report: Report): string {
  const leading = leadingPanels.flatMap((p) => section(p.id, p.title, p.content(report)));
  const scenarios = report.scenarios.map((scenario, index) =>
    scenarioSections(scenario, `s${index + 1}`, report),
  );
  const closing = closingPanels.flatMap((p) => section(p.id, p.title, p.content(report)));
  const all = [...leading, ...scenarios.flat(), ...closing];
  const charts = all.flatMap((s) => s.charts);
  const flames = all.flatMap((s) => s.flames);
  return pageHtml({
    title: `${outcomeWords[report.outcome].mark} ${report.suite}: ${outcomeWords[report.outcome].label}`,
    banner: bannerHtml(report),
    nav: navHtml(leading, report.scenarios, scenarios, closing),
    main: `${leading.map(sectionHtml).join('\n')}
${report.scenarios.map((scenario, index) => scenarioHtml(scenario, `s${index + 1}`, scenarios[index] ?? [])).join('\n')}
<article id="run"><header><h2>The run</h2></header>
${closing.map(sectionHtml).join('\n')}
</article>`,
    charts,
    flames,
  });
}

function scenarioSections(scenario: ScenarioReport, prefix: string, report: Report): Section[] {
  return scenarioPanels.flatMap((panel) =>
    section(`${prefix}-${panel.id}`, panel.title, panel.content(scenario, report), prefix),
  );
}

function bannerHtml(report: Report): string {
  const { mark, label, tone } = outcomeWords[report.outcome];
  const facts = [comparedWords(report), `exit code ${report.exitCode}`];
  const chips = [
    ...facts.map((fact) => `<li>${html(fact)}</li>`),
    ...reservations(report).map((word) => `<li class="warn">${html(word)}</li>`),
  ];
  const failure =
    report.failure === '' ? '' : `<pre>${visibleLines(report.failure).map(html).join('\n')}</pre>`;
  return `<header class="banner ${tone}">
<p class="suite">pollgate <span>·</span> ${html(report.suite)}</p>
<h1><span class="mark" aria-hidden="true">${mark}</span> ${html(label.charAt(0).toUpperCase() + label.slice(1))}</h1>
<p class="headline">${html(report.headline)}</p>
${failure}<ul class="chips">${chips.join('')}</ul>
<p class="when">${html(report.startedAt)} · took ${html(formatDuration(report.durationNs))} · revision <code>${html(report.revision.slice(0, 12) || 'unknown')}</code> · ${html(report.fingerprint.cpuModel)}, kernel ${html(report.fingerprint.kernel)}, ${html(report.fingerprint.goVersion)}</p>
</header>`;
}

function navHtml(
  leading: Section[],
  scenarios: ScenarioReport[],
  sections: Section[][],
  closing: Section[],
): string {
  const link = (id: string, text: string) => `<a href="#${id}">${html(text)}</a>`;
  const items = (list: Section[]) => list.map((s) => `<li>${link(s.id, s.title)}</li>`).join('');
  const scenarioItems = scenarios.map(
    (scenario, index) =>
      `<li class="group">${link(`s${index + 1}`, scenario.id)}<ul>${items(sections[index] ?? [])}</ul></li>`,
  );
  return `<nav aria-label="Contents"><ul>${items(leading)}${scenarioItems.join('')}<li class="group">${link('run', 'The run')}<ul>${items(closing)}</ul></li></ul></nav>`;
}

function scenarioHtml(scenario: ScenarioReport, id: string, sections: Section[]): string {
  const warnings = scenario.warnings.map((text) => `<li>${html(text)}</li>`).join('');
  const rounds = `${scenario.finished} of ${scenario.rounds} rounds finished`;
  return `<article id="${id}"><header class="intro">
<h2>${html(scenario.id)} <span>${html(scenario.title)}</span></h2>
<p class="question">${html(scenario.question)}</p>
<p class="load">${html(scenario.load)} · ${scenario.finished < scenario.rounds ? `<span class="warn">${rounds}</span>` : rounds}</p>
${warnings === '' ? '' : `<ul class="warnings">${warnings}</ul>\n`}</header>
${sections.map(sectionHtml).join('\n')}
${absentHtml(scenario, sections)}
</article>`;
}

/** What a reader may look for and not find. */
function absentHtml(scenario: ScenarioReport, sections: Section[]): string {
  if (scenario.finished === 0) {
    return '<p class="note">No round was finished, so there is nothing to compare.</p>';
  }
  const shown = new Set(sections.map((s) => s.title));
  const absent = scenarioPanels.map((panel) => panel.title).filter((title) => !shown.has(title));
  return absent.length === 0
    ? ''
    : `<p class="note absent">No data for: ${html(absent.join(' · '))}.</p>`;
}

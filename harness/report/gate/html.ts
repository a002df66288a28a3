import type { GateReport, GateUnitReport } from '../../gate/gate-report.ts';
import { formatDuration } from '../../lib/units.ts';
import { html } from '../render/html-text.ts';
import { pageHtml, type Section, section, sectionHtml } from '../render/page.ts';
import { course } from './course.ts';
import { forestHtml } from './forest.ts';
import { limits, machine, repeat } from './panels.ts';
import { why } from './why.ts';
import { baseText, gateOutcomeWord } from './words.ts';

/**
 * The report of a gate's run as one page that needs nothing else, in the frame of a suite's report.
 * The same report gives the same bytes.
 */
export function renderGateHtml(report: GateReport): string {
  const { mark, label } = gateOutcomeWord(report);
  const forest = forestHtml(report);
  const leading = section('limits', 'Limits', limits(report));
  const units = report.units.map((unit, index) => [
    ...section(`u${index + 1}-why`, 'Why it is red', why(unit), `u${index + 1}`),
    ...section(`u${index + 1}-course`, 'Course over the rounds', course(unit), `u${index + 1}`),
  ]);
  const closing = [
    ...section('machine', 'Machine', machine(report)),
    ...section('repeat', 'How to repeat', repeat(report)),
  ];
  return pageHtml({
    title: `${mark} gate: ${label}`,
    banner: bannerHtml(report),
    nav: navHtml(forest !== '', { leading, closing }, report.units),
    main: `${forest}
${leading.map(sectionHtml).join('\n')}
${report.units.map((unit, index) => unitHtml(unit, `u${index + 1}`, units[index] ?? [])).join('\n')}
<article id="run"><header><h2>The run</h2></header>
${closing.map(sectionHtml).join('\n')}
</article>`,
    charts: [...leading, ...units.flat(), ...closing].flatMap(({ charts }) => charts),
    sheets: ['forest'],
  });
}

function bannerHtml(report: GateReport): string {
  const { mark, label, tone } = gateOutcomeWord(report);
  const facts = [
    `compared ${report.compared} of ${report.limits} limits`,
    `exit code ${report.exitCode}`,
  ];
  const chips = [
    ...facts.map((fact) => `<li>${html(fact)}</li>`),
    ...(report.dirty ? ['<li class="warn">uncommitted changes</li>'] : []),
  ];
  const warnings = report.warnings.map((text) => `<li>${html(text)}</li>`).join('');
  return `<header class="banner ${tone}">
<p class="suite">pollgate <span>·</span> gate</p>
<h1><span class="mark" aria-hidden="true">${mark}</span> ${html(label.charAt(0).toUpperCase() + label.slice(1))}</h1>
<p class="headline">${html(report.headline)}</p>
<ul class="chips">${chips.join('')}</ul>
${warnings === '' ? '' : `<ul class="warnings">${warnings}</ul>\n`}<p class="when">${html(report.startedAt)} · took ${html(formatDuration(report.durationNs))} · base <code>${html(baseText(report))}</code>, head <code>${html(report.head.slice(0, 12))}</code></p>
</header>`;
}

function navHtml(
  hasForest: boolean,
  { leading, closing }: { leading: Section[]; closing: Section[] },
  units: readonly GateUnitReport[],
): string {
  const item = (id: string, text: string) => `<li><a href="#${id}">${html(text)}</a></li>`;
  const items = (sections: Section[]) => sections.map(({ id, title }) => item(id, title)).join('');
  const unitItems = units.map(({ id }, index) => item(`u${index + 1}`, id)).join('');
  return `<nav aria-label="Contents"><ul>${hasForest ? item('forest', 'Head against base') : ''}${items(leading)}${unitItems}<li class="group"><a href="#run">The run</a><ul>${items(closing)}</ul></li></ul></nav>`;
}

function unitHtml(unit: GateUnitReport, id: string, sections: Section[]): string {
  const body =
    sections.length === 0
      ? '<p class="note">No round has a value that may be used.</p>'
      : sections.map(sectionHtml).join('\n');
  return `<article id="${id}"><header class="intro">
<h2>${html(unit.id)}</h2>
<p class="load">${html(unit.load)} · ${unit.rounds} rounds</p>
</header>
${body}
</article>`;
}

import type { Diagnosis } from '../../diagnose/diagnosis.ts';
import { formatDuration } from '../../lib/units.ts';
import { flamesContent } from '../panels/flames.ts';
import { html } from '../render/html-text.ts';
import { pageHtml, section, sectionHtml } from '../render/page.ts';
import { causes, kernelSide, notTaken, repeat, slowestTurns, timeSpent, vitals } from './panels.ts';

/** The diagnosis as one page that needs nothing else. */
export function renderDiagnosisHtml(report: Diagnosis): string {
  const sections = [
    ...section('causes', 'Causes', causes(report)),
    ...section('vitals', 'The process', vitals(report)),
    ...section('time', 'Where time goes', timeSpent(report)),
    ...section('slowest', 'Slowest requests', slowestTurns(report)),
    ...section('flames', 'Flame graphs', flamesContent(report.flames)),
    ...section('kernel', 'What the kernel saw', kernelSide(report)),
    ...section('missing', 'Not taken', notTaken(report)),
    ...section('repeat', 'How to repeat', repeat(report)),
  ];
  const confirmed = report.findings.some(({ state }) => state === 'confirmed');
  const suspected = report.findings.some(({ state }) => state === 'suspected');
  const { mark, tone } = confirmed
    ? { mark: '✗', tone: 'bad' }
    : suspected || report.findings.some(({ state }) => state === 'unknown')
      ? { mark: '?', tone: 'warn' }
      : { mark: '✓', tone: 'good' };
  const nav = sections.map(({ id, title }) => `<li><a href="#${id}">${html(title)}</a></li>`);
  return pageHtml({
    title: `${mark} diagnosis: ${report.headline}`,
    banner: `<header class="banner ${tone}">
<p class="suite">pollgate <span>·</span> diagnosis</p>
<h1><span class="mark" aria-hidden="true">${mark}</span> ${html(report.headline)}</h1>
<p class="headline">${html(confirmed || suspected ? (report.findings[0]?.summary ?? '') : '')}</p>
<p class="when">${html(report.startedAt)} · ${html(formatDuration(report.windowNs))} · pid ${report.target.pid}</p>
</header>`,
    nav: `<nav aria-label="Contents"><ul>${nav.join('')}</ul></nav>`,
    main: `<article id="run">${sections.map(sectionHtml).join('\n')}</article>`,
    charts: sections.flatMap(({ charts }) => charts),
    flames: sections.flatMap(({ flames }) => flames),
  });
}

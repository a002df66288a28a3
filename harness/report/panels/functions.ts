import { formatInteger, formatShare, formatValue, noValue } from '../../lib/units.ts';
import { type Cell, cell, code, left, type Panel, right, type Table, table } from '../content.ts';
import type { ProfileSummary, ScenarioReport } from '../report.ts';

const titles: Record<ProfileSummary['profile'], string> = {
  cpu: 'CPU profile',
  goroutine: 'goroutine profile',
};

/** Where CPU time goes and where goroutines stand. */
export const functions: Panel = {
  id: 'functions',
  title: 'Top functions',
  content(scenario) {
    const kinds = (['cpu', 'goroutine'] as const).filter((kind) =>
      scenario.profiles.some((p) => p.profile === kind && p.functions.length > 0),
    );
    if (kinds.length === 0) {
      return null;
    }
    return {
      lead: 'Flat: in the function itself. Cumulative: in it and all that it calls. What is 100 % stands below each table.',
      charts: [],
      tables: kinds.map((kind) => profileTable(scenario, kind)),
    };
  },
};

/** One row per function, the variants side by side, the largest flat share first. */
function profileTable(scenario: ScenarioReport, kind: ProfileSummary['profile']): Table {
  const found = scenario.profiles.filter((p) => p.profile === kind);
  const share = (name: string) =>
    Math.max(...found.map((p) => (find(p, name)?.flat ?? 0) / Math.max(1, p.total)));
  const names = [...new Set(found.flatMap((p) => p.functions.map((f) => f.name)))].sort(
    (a, b) => share(b) - share(a),
  );
  const columns = [
    left('function'),
    ...found.flatMap((p) => [right(`${p.variant} flat`), right(`${p.variant} cumulative`)]),
  ];
  const rows = names.map((name) => [
    code(name),
    ...found.flatMap((p) => [
      amountCell(p, find(p, name)?.flat),
      amountCell(p, find(p, name)?.cumulative),
    ]),
  ]);
  const absent = rows.some((row) => row.some((c) => c.text === noValue));
  const notes = [
    ...found.map(denominator),
    ...(absent ? [`${noValue}: not among the top functions of that variant.`] : []),
  ];
  return table(`${scenario.id}: ${titles[kind]}`, columns, rows, { notes });
}

function find(profile: ProfileSummary, name: string) {
  return profile.functions.find((f) => f.name === name);
}

function amountCell({ total, unit }: ProfileSummary, amount: number | undefined): Cell {
  return amount === undefined
    ? cell(noValue, { tone: 'muted' })
    : cell(formatShare(amount, total), { sub: amountWords(amount, unit) });
}

function amountWords(amount: number, unit: ProfileSummary['unit']): string {
  return unit === 'ns' ? formatValue(amount, 'ns') : formatInteger(amount);
}

function denominator({ variant, unit, total, samples }: ProfileSummary): string {
  const whole = amountWords(total, unit) + (unit === 'ns' ? ' of CPU time' : ' goroutines');
  return `${variant}: 100 % = ${whole}, ${formatInteger(samples)} samples.`;
}

import type { Check } from '../../host/host.ts';
import { formatInteger, formatNs, formatShare, significant } from '../../lib/units.ts';
import {
  type Cell,
  cell,
  code,
  left,
  listing,
  type RunPanel,
  right,
  type Table,
  table,
} from '../content.ts';
import type { Report } from '../report.ts';
import type { Tone } from '../words.ts';

const tones: Record<Check['state'], Tone> = { ok: 'good', degraded: 'warn', missing: 'bad' };

/** The machine: what absolute times belong to, and how quiet it was. */
export const host: RunPanel = {
  id: 'host',
  title: 'Machine',
  content(report) {
    return {
      lead: 'Absolute times are compared only between runs whose machine agrees in every line.',
      charts: [],
      tables: [fingerprintTable(report), fitnessTable(report), checksTable(report)].filter(
        (t) => t.rows.length > 0,
      ),
    };
  },
};

export function fingerprintTable({ fingerprint: f }: Pick<Report, 'fingerprint'>): Table {
  return listing('Fingerprint', [
    ['CPU', f.cpuModel],
    ['cores', `${formatInteger(f.cores)} (cgroup quota: ${f.cpuQuota})`],
    ['CPU flags', code(f.cpuFlagsSha256.slice(0, 16))],
    ['hypervisor', f.hypervisor],
    ['kernel', f.kernel],
    ['mitigations', f.mitigations],
    ['governor', f.governor],
    ['clock source', f.clocksource],
    ['Go', `${f.goVersion} ${f.goArch}, GOMAXPROCS ${f.goMaxProcs}`],
  ]);
}

function fitnessTable({ fitness }: Report): Table {
  const when = (index: number) => (index === 0 ? 'before' : 'after');
  const rows = fitness.map((f, index): Cell[] => [
    cell(fitness.length === 2 ? when(index) : `reading ${index + 1}`),
    cell(significant(f.loadAverage1)),
    cell(formatShare(f.stealRatio, 1)),
    cell(formatNs(f.calibrationNs)),
  ]);
  const columns = [left('when'), right('load average'), right('steal'), right('calibration loop')];
  return table('State of the machine', columns, rows);
}

function checksTable({ checks }: Report): Table {
  const columns = [left('prerequisite'), left('state'), left('seen'), left('lost without it')];
  const rows = checks.map((check) => [
    cell(check.title),
    cell(check.state, { tone: tones[check.state] }),
    cell(check.seen),
    cell(check.lost.join(', '), { sub: check.remedy }),
  ]);
  const folded = checks.every((check) => check.state === 'ok');
  return table('Prerequisites (npm run doctor)', columns, rows, { stack: true, folded });
}

import { access } from 'node:fs/promises';
import type { GateEvidence } from '../analyze/gate-evidence.ts';
import { readObservation } from '../analyze/observation.ts';
import { diagFiles } from '../capture/diag/record.ts';
import { difference } from '../diagnose/difference.ts';
import { messageOf } from '../lib/errors.ts';
import { type GatePlan, unitName } from '../plan/gate-plan.ts';
import { gateFiles } from '../run/gate-record.ts';
import type { GateReport, GateUnitReport } from './gate-report.ts';

/** Whether something of it is worse than allowed. */
export function isRedUnit({ verdicts }: Pick<GateUnitReport, 'verdicts'>): boolean {
  return verdicts.some(({ outcome }) => outcome === 'regressed');
}

/** The report with what was seen of base and head of each red, each alone; no verdict changes by it. */
export async function explainReds(
  report: GateReport,
  { record, units }: GateEvidence,
  runDir: string,
): Promise<GateReport> {
  const explained = report.units.map(async (unit): Promise<GateUnitReport> => {
    const plan = units.find((each) => unitName(each.plan) === unit.id)?.plan;
    const unexplained = record.unexplained?.[unit.id];
    if (!isRedUnit(unit) || plan === undefined) {
      return unit;
    }
    if (unexplained !== undefined) {
      return { ...unit, unexplained };
    }
    try {
      const found = await readDifference(runDir, plan);
      return found === null ? unit : { ...unit, difference: found };
    } catch (error) {
      return { ...unit, unexplained: messageOf(error) };
    }
  });
  return { ...report, units: await Promise.all(explained) };
}

/** Null where nobody looked: in a run of before, or an interrupted one. */
async function readDifference(runDir: string, plan: GatePlan) {
  const [base, head] = [
    gateFiles.whyDir(runDir, plan, 'base'),
    gateFiles.whyDir(runDir, plan, 'head'),
  ];
  const there = await access(diagFiles.record(head)).then(
    () => true,
    () => false,
  );
  return there ? difference(await readObservation(base), await readObservation(head)) : null;
}

import { styleText } from 'node:util';
import { binaryPath } from '../build/go-build.ts';
import { tools } from '../build/programs.ts';
import { runDoctor } from '../host/doctor.ts';
import type { Check } from '../host/host.ts';
import { type ExitCode, exitCode } from '../lib/errors.ts';
import { formatJson } from '../lib/json.ts';

const marks = {
  ok: styleText('green', '✓'),
  degraded: styleText('yellow', '!'),
  missing: styleText('red', '✗'),
} as const;

/** `npm run doctor`: shows every prerequisite with what is lost without it and what mends it. */
export async function doctorCommand({ json }: { json: boolean }): Promise<ExitCode> {
  const checks = await runDoctor({
    netprobe: binaryPath(tools.netprobe),
    ringcheck: binaryPath(tools.ringcheck),
  });
  process.stdout.write(json ? formatJson(checks) : renderChecks(checks));
  const isMissing = checks.some(({ state }) => state === 'missing');
  return isMissing ? exitCode.missingCapability : exitCode.pass;
}

/** The checks as a table; below a bad one what is lost and the command, alone on its line. */
export function renderChecks(checks: readonly Check[]): string {
  const width = Math.max(...checks.map(({ title }) => title.length));
  const indent = ' '.repeat(width + 4);
  const lines = checks.flatMap(({ state, title, seen, lost, remedy }) => {
    const line = `${marks[state]} ${title.padEnd(width)}  ${seen}`;
    return state === 'ok'
      ? [line]
      : [line, ...lost.map((each) => `${indent}lost: ${each}`), `${indent}${remedy}`];
  });
  return `${[...lines, '', summarize(checks)].join('\n')}\n`;
}

function summarize(checks: readonly Check[]): string {
  const count = (wanted: Check['state']) => checks.filter(({ state }) => state === wanted).length;
  const [degraded, missing] = [count('degraded'), count('missing')];
  if (degraded + missing === 0) {
    return `All ${checks.length} prerequisites are there.`;
  }
  return (
    `${count('ok')} of ${checks.length} prerequisites are there, ${degraded} degraded ` +
    `(runs go on with less), ${missing} missing (runs or suites cannot be had).`
  );
}

import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readGateEvidence } from '../analyze/gate-evidence.ts';
import { checkJson } from '../lib/json.ts';
import { rootDir } from '../lib/paths.ts';
import { renderGateText } from '../report/gate/console.ts';
import { renderGateMarkdown } from '../report/gate/markdown.ts';
import { GateRecord } from '../run/gate-record.ts';
import { judgeGate } from './judge-gate.ts';

const recorded = await readGateEvidence(join(rootDir, 'harness/test/recorded-gate'));

function judgeAgainst(base: Partial<GateRecord['base']>) {
  const evidence = structuredClone(recorded);
  Object.assign(evidence.record.base, base);
  checkJson(evidence.record, GateRecord, { name: 'gate.json', remedy: '' });
  const report = judgeGate(evidence);
  return { ...report, text: renderGateText(report), markdown: renderGateMarkdown(report) };
}

test.for([
  [{ asked: 'origin/main' }, 'rebuilt: where the head left origin/main'],
  [{ asked: 'baseline' }, 'rebuilt: the revision of the committed baselines'],
  [{ asked: 'release', release: 'v1.2.0' }, 'rebuilt: the last release, v1.2.0'],
] as const)('with the base %j every report says: %s', ([base, words]) => {
  const report = judgeAgainst(base);
  expect(report.against).toBe(words);
  expect(report.text).toContain(`(${words})`);
  expect(report.markdown).toContain(`(${words})`);
});

test('a baseline of another Go is warned of, one of the same is not', () => {
  const { goVersion } = recorded.record.fingerprint;
  const same = judgeAgainst({ asked: 'baseline', recordedGo: [goVersion] });
  const other = judgeAgainst({ asked: 'baseline', recordedGo: ['go1.0.1', goVersion] });
  const before = judgeAgainst({}).warnings.length;
  expect(same.warnings).toHaveLength(before);
  expect(other.warnings).toHaveLength(before + 1);
  expect(other.text).toContain(`recorded with go1.0.1, and all three were built with ${goVersion}`);
  expect(other.exitCode).toBe(same.exitCode);
});

test('a base of another Go: whether toolchains alone are compared is said', () => {
  const warningsWith = (change: { revision?: string }) => {
    const evidence = structuredClone(recorded);
    for (const own of Object.values(evidence.record.builds)) {
      Object.assign(own.head, { dirty: false });
      for (const arm of ['base', 'control'] as const) {
        Object.assign(own[arm], { goVersion: 'go1.0.1', revision: own.head.revision, ...change });
      }
    }
    return judgeGate(evidence).warnings.join('\n');
  };
  const { goVersion } = recorded.record.fingerprint;
  const both = `The base was built with go1.0.1 and the head with ${goVersion}: `;
  expect(warningsWith({})).toContain(
    `${both}of the same code, so that this compares the toolchains.`,
  );
  expect(warningsWith({ revision: 'b'.repeat(40) })).toContain(
    `${both}what the toolchain does is in these verdicts too.`,
  );
  expect(warningsWith({})).not.toContain('recorded with');
});

test('limits that the change took away are warned of', () => {
  const loosened = ['web/shop: the base has a limit of 3 % on p50, and the head none'];
  expect(judgeAgainst({ loosened }).markdown).toContain(`> ${loosened[0]}`);
});

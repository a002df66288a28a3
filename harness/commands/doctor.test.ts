import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { pathWithout } from '../host/testing/doctor-process.ts';
import { temporaryDir } from '../host/testing/temporary-dir.ts';
import { rootDir } from '../lib/paths.ts';
import { renderChecks } from './doctor.ts';

test('the table names what is lost and has the command alone on its line', () => {
  const text = renderChecks([
    { id: 'git', title: 'git', state: 'ok', seen: '2.39.5', lost: [], remedy: '' },
    {
      ...{ id: 'ebpf', title: 'eBPF probes', state: 'degraded', seen: 'no CAP_BPF' },
      ...{ lost: ['wake-up latency'], remedy: 'sudo setcap …' },
    },
    { id: 'go', title: 'Go', state: 'missing', seen: 'none', lost: ['all'], remedy: 'curl …' },
  ]);
  expect(stripVTControlCharacters(text)).toMatchInlineSnapshot(`
    "✓ git          2.39.5
    ! eBPF probes  no CAP_BPF
                   lost: wake-up latency
                   sudo setcap …
    ✗ Go           none
                   lost: all
                   curl …

    1 of 3 prerequisites are there, 1 degraded (runs go on with less), 1 missing (runs or suites cannot be had).
    "
  `);
});

const withDir = test.extend<{ dir: string }>({ dir: temporaryDir });

withDir('something missing: exit 5, in words and as JSON', { timeout: 60_000 }, async ({ dir }) => {
  const env = { PATH: await pathWithout(dir, 'go') };
  const words = await doctor({ json: false }, env);
  expect(words.exitCode).toBe(5);
  expect(words.stdout).toContain('go.dev/dl/');
  expect(words.stdout).not.toMatch(/^ {4}at /m);
  expect(words.stderr).toBe('');
  const json = await doctor({ json: true }, env);
  expect(json.exitCode).toBe(5);
  expect(JSON.parse(json.stdout)).toContainEqual(
    expect.objectContaining({ id: 'go', state: 'missing' }),
  );
});

function doctor(options: { json: boolean }, env: Record<string, string>) {
  const command = JSON.stringify(join(rootDir, 'harness/commands/doctor.ts'));
  const code = `
    const { doctorCommand } = await import(${command});
    process.exitCode = await doctorCommand(${JSON.stringify(options)});
  `;
  const args = ['--input-type=module', '--eval', code];
  return execa(process.execPath, args, { env, reject: false });
}

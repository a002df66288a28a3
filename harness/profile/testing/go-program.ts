import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheDir } from '../../lib/paths.ts';

/** A Go of which a test needs the command; null and why where it is not to be had. */
export interface GoCommand {
  env: NodeJS.ProcessEnv;
  /** `go1.26.8`; null when there is no such Go. */
  version: string | null;
  /** What is missing, for the name of the skipped test. */
  missing: string;
}

/**
 * @param toolchain `local`, or a release that the go command may fetch from the module proxy: `go1.27.4`
 */
export function goCommand(toolchain = 'local'): GoCommand {
  const env = {
    ...process.env,
    ...{ GOTOOLCHAIN: toolchain, GOFLAGS: '', GOWORK: 'off' },
    // Where a release that is fetched stays, for the next time too.
    GOMODCACHE: process.env['GOMODCACHE'] ?? join(cacheDir, 'go', 'mod'),
  };
  const asked = spawnSync('go', ['env', 'GOVERSION'], {
    ...{ env, cwd: tmpdir(), encoding: 'utf8', timeout: 300_000 },
  });
  return asked.status === 0
    ? { env, version: asked.stdout.trim(), missing: '' }
    : { env, version: null, missing: toolchain === 'local' ? 'needs go' : `needs ${toolchain}` };
}

/** Builds a file or a package and gives the binary's path, in a directory to be removed. */
export function buildProgram(
  go: GoCommand,
  source: string,
  moduleDir?: string,
): { binary: string; dir: string } {
  const dir = mkdtempSync(join(tmpdir(), 'pollgate-profile-'));
  const binary = join(dir, 'program');
  try {
    const options = { env: go.env, cwd: moduleDir ?? dir, stdio: 'pipe' } as const;
    execFileSync('go', ['build', '-o', binary, source], options);
  } catch (error) {
    rmSync(dir, { recursive: true });
    throw error;
  }
  return { binary, dir };
}

/** Minor release of Go 1: 26 of `go1.26.8`. */
export function minorOf(version: string): number {
  return Number(/^go1\.(\d+)/.exec(version)?.[1] ?? Number.NaN);
}

/**
 * The Go at hand, one newer release, and those that POLLGATE_GO_RELEASES names with commas between;
 * all but the first are fetched by the go command once.
 */
export function goReleases(): { release: string; go: GoCommand }[] {
  const more = (process.env['POLLGATE_GO_RELEASES'] ?? '').split(',').filter((each) => each !== '');
  return ['local', 'go1.27.4', ...more].map((release) => ({ release, go: goCommand(release) }));
}

import { access } from 'node:fs/promises';
import { execa } from 'execa';
import { binaryPath, buildPrograms } from '../../build/go-build.ts';
import { findGo } from '../../build/go-toolchain.ts';
import { tools } from '../../build/programs.ts';
import { writeFileAtomic } from '../../lib/fs.ts';
import { diagFiles } from './record.ts';

/**
 * The last act of a capture, done where there is Go: the script of a machine without it leaves the
 * trace as it came. A trace that cannot be summed stays, and its reason is told.
 */
export async function sumTrace(dir: string): Promise<void> {
  if ((await exists(diagFiles.traceSummary(dir))) || !(await exists(diagFiles.trace(dir)))) {
    return;
  }
  await buildPrograms(await findGo(), [tools.tracesum], () => {});
  const { stdout, stderr, exitCode } = await execa(
    binaryPath(tools.tracesum),
    ['-stacks', diagFiles.trace(dir)],
    { reject: false },
  );
  if (exitCode === 0) {
    await writeFileAtomic(diagFiles.traceSummary(dir), stdout);
  } else {
    console.error(stderr);
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

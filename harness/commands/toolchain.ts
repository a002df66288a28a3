import { relative } from 'node:path';
import { makeExperiment } from '../build/experiment.ts';
import { findGo } from '../build/go-toolchain.ts';
import { type ExitCode, exitCode } from '../lib/errors.ts';
import { withProgress } from './build.ts';

/** Makes the Go in which io_uring is an experiment; from then on it builds the variants that poll by it. */
export async function toolchainCommand(): Promise<ExitCode> {
  const go = await findGo();
  const begin = performance.now();
  const { goroot, made } = await withProgress(() => makeExperiment(go));
  const seconds = ((performance.now() - begin) / 1000).toFixed(1);
  console.log(
    `${made ? `made in ${seconds} s` : 'up to date'}: ${go.version} with GOEXPERIMENT=io_uring`,
  );
  console.log(`GOEXPERIMENT=io_uring ${relative(process.cwd(), goroot)}/bin/go build ./...`);
  return exitCode.pass;
}

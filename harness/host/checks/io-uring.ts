import Type, { type Static } from 'typebox';
import { parseJson } from '../../lib/json.ts';
import { readIfThere } from '../system-files.ts';
import { degraded, missing, type Outcome, ok, type Prerequisite } from './prerequisite.ts';
import { runProgram } from './program.ts';
import { asRoot, buildCommand, kernelCommand, privilegedContainer } from './remedy.ts';

const lost = ['every io_uring variant: its servers refuse to start'];
const inspect = 'sysctl kernel.io_uring_disabled; grep Seccomp: /proc/self/status';
const capSysAdmin = 1n << 21n;

/** What ringcheck prints (go-fixtures/cmd/ringcheck). */
export const RingAnswer = Type.Object({
  ok: Type.Boolean(),
  errno: Type.String(),
  disabledSysctl: Type.Integer(),
  seccomp: Type.Integer(),
  features: Type.Integer(),
});
export type RingAnswer = Static<typeof RingAnswer>;

/** The ring that the io_uring netpoller needs, really asked of the kernel. */
export const ioUring: Prerequisite = {
  id: 'io-uring',
  title: 'io_uring',
  lost,
  inspect,
  async look({ ringcheck, signal }) {
    const result = await runProgram([ringcheck], signal);
    if (!result.found) {
      const loss = { lost, remedy: buildCommand };
      return degraded('ringcheck is not built yet: npm run bench builds it', loss);
    }
    if (result.exitCode !== 0) {
      return degraded(`ringcheck failed: ${result.complaint}`, { lost, remedy: ringcheck });
    }
    const answer = parseJson(result.stdout, RingAnswer, { name: 'ringcheck', remedy: ringcheck });
    return judgeRing(answer, { sysAdmin: await hasSysAdmin() });
  },
};

/** Judges ringcheck's answer; `sysAdmin` is whether this process has CAP_SYS_ADMIN. */
export function judgeRing(answer: RingAnswer, { sysAdmin }: { sysAdmin: boolean }): Outcome {
  if (answer.ok) {
    return ok('io_uring_setup works');
  }
  const { seen, remedy } = explainRefusal(answer, sysAdmin);
  return missing(seen, { lost, remedy });
}

/** Tells what refused the ring, which the errno alone does not say. */
function explainRefusal(answer: RingAnswer, sysAdmin: boolean): { seen: string; remedy: string } {
  const { errno, disabledSysctl, seccomp, features } = answer;
  if (errno === '') {
    const seen = `the ring has the features 0x${features.toString(16)}, those of Linux 5.17 are needed`;
    return { seen, remedy: kernelCommand() };
  }
  const forbidden = disabledSysctl === 2 || (disabledSysctl === 1 && !sysAdmin);
  if (errno === 'EPERM' && forbidden) {
    const seen = `EPERM from the sysctl: kernel.io_uring_disabled is ${disabledSysctl}`;
    return { seen, remedy: asRoot('sysctl -w kernel.io_uring_disabled=0') };
  }
  if ((errno === 'EPERM' || errno === 'ENOSYS') && seccomp === 2) {
    const seen = `${errno} from a seccomp profile, as container runtimes install it`;
    return { seen, remedy: privilegedContainer };
  }
  if (errno === 'ENOMEM') {
    const seen = 'ENOMEM: the ring needs 1.1 MiB of kernel memory';
    return { seen, remedy: asRoot('prlimit --pid $$ --memlock=unlimited') };
  }
  if (errno === 'ENOSYS' || errno === 'EINVAL') {
    const seen = `${errno}: the kernel has no io_uring, or one that is too old`;
    return { seen, remedy: kernelCommand() };
  }
  // No other cause is known; a security module logs its refusals.
  const seen = `io_uring_setup failed with ${errno}, neither by sysctl nor by seccomp`;
  return { seen, remedy: `${asRoot('dmesg')} | tail -n 20` };
}

async function hasSysAdmin(): Promise<boolean> {
  const status = (await readIfThere('/proc/self/status')) ?? '';
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0';
  return (BigInt(`0x${effective}`) & capSysAdmin) !== 0n;
}

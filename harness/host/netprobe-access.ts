import Type, { type Static } from 'typebox';
import { parseJson } from '../lib/json.ts';
import { runProgram } from './checks/program.ts';
import { isRoot } from './checks/remedy.ts';

/** What `netprobe check --json` prints: the outcome of really attaching each kind of program. */
const NetprobeAnswer = Type.Object({
  schema: Type.Literal(1),
  capabilities: Type.Array(
    Type.Object({
      capability: Type.String(),
      ok: Type.Boolean(),
      error: Type.String(),
      lostMetrics: Type.Array(Type.String()),
      remedy: Type.String(),
    }),
  ),
});
export type NetprobeCapability = Static<typeof NetprobeAnswer>['capabilities'][number];

/** How netprobe can be called, and what it can do when it is called so. */
export interface NetprobeAccess {
  /** The binary, behind `sudo -n` where that lets it measure more. */
  command: readonly string[];
  capabilities: readonly NetprobeCapability[];
  /** What sudo said where it was asked and refused; empty otherwise. */
  refusal: string;
}

/**
 * Finds the least privileged way in which netprobe can measure everything: by itself (as root, or
 * with capabilities of the file), otherwise through sudo that does not ask.
 * @returns undefined if there is no such binary
 * @throws Error if netprobe does not answer as it should
 */
export async function findNetprobeAccess(
  netprobe: string,
  signal: AbortSignal,
): Promise<NetprobeAccess | undefined> {
  const own = await ask([netprobe], signal);
  if (own === undefined) {
    return undefined;
  }
  if ('refusal' in own) {
    throw new Error(`netprobe does not answer: ${own.refusal}`);
  }
  if (own.capabilities.every(({ lostMetrics }) => lostMetrics.length === 0) || isRoot()) {
    return { ...own, refusal: '' };
  }
  const sudo = await ask(['sudo', '-n', netprobe], signal);
  if (sudo === undefined || 'refusal' in sudo) {
    return { ...own, refusal: sudo?.refusal ?? 'there is no sudo' };
  }
  return { ...sudo, refusal: '' };
}

/** Whether netprobe may load and attach programs at all. */
export function isPrivileged(capabilities: readonly NetprobeCapability[]): boolean {
  return capabilities.some(({ capability, ok }) => capability === 'privileges' && ok);
}

type Answer = Pick<NetprobeAccess, 'command' | 'capabilities'> | { refusal: string };

/** Undefined where the program is not there. */
async function ask(command: readonly string[], signal: AbortSignal): Promise<Answer | undefined> {
  const result = await runProgram([...command, 'check', '--json'], signal);
  if (!result.found) {
    return undefined;
  }
  // Its exit code says that something is lost, which the answer says better.
  if (result.stdout === '') {
    return { refusal: result.complaint };
  }
  const source = { name: 'netprobe check', remedy: `${command.join(' ')} check` };
  const { capabilities } = parseJson(result.stdout, NetprobeAnswer, source);
  return { command, capabilities };
}

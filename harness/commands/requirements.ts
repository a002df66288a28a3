import { type LostCapability, lostCapabilities } from '../host/doctor.ts';
import type { Check } from '../host/host.ts';
import { exitCode, infrastructureError, PollgateError } from '../lib/errors.ts';
import { isFixture, type LoadedScenario } from '../scenario/scenario.ts';

/** Checks without which no run can be had. */
const indispensable = ['go', 'git', 'util-linux', 'fd-limit', 'ports'];

/**
 * What a run must have before any load.
 * @returns the capabilities that this run goes on without
 * @throws PollgateError (missing capability) for one that `--require` names, (infrastructure) for
 * a prerequisite of every run, or of these scenarios
 */
export function requireMachine(
  scenarios: readonly LoadedScenario[],
  checks: readonly Check[],
  required: readonly string[],
): LostCapability[] {
  const lost = refuseLost(checks, required);
  const ring = wantsIoUring(scenarios);
  const stopping = ring ? [...indispensable, 'io-uring'] : indispensable;
  stopWithout(checks, stopping);
  return lost.filter(({ capability }) => ring || capability !== 'io_uring');
}

/**
 * What `--require` asks of the machine.
 * @returns the capabilities that are lost
 * @throws PollgateError (missing capability) for one of them that is required
 */
export function refuseLost(
  checks: readonly Check[],
  required: readonly string[],
): LostCapability[] {
  const lost = lostCapabilities(checks);
  const missing = lost.find(({ capability }) => required.includes(capability));
  if (missing !== undefined) {
    const what = `${missing.reason}; lost without it: ${missing.what}.`;
    throw withoutCapability(missing.capability, what, missing.remedy);
  }
  return lost;
}

/** @throws PollgateError (infrastructure) for the first of these checks that found nothing */
export function stopWithout(checks: readonly Check[], ids: readonly string[]): void {
  const stop = checks.find(({ id, state }) => state === 'missing' && ids.includes(id));
  if (stop !== undefined) {
    throw infrastructureError(`${stop.title}: ${stop.seen}`, stop.remedy);
  }
}

/**
 * pprof needs nothing of the machine, but an endpoint of every server.
 * @throws PollgateError (missing capability) where `--require pprof` cannot be kept
 */
export function requireProfiles(
  scenarios: readonly LoadedScenario[],
  required: readonly string[],
): void {
  if (!required.includes('pprof')) {
    return;
  }
  for (const { path, scenario } of scenarios) {
    for (const [name, variant] of Object.entries(scenario.variants)) {
      if (!isFixture(variant) && variant.pprofPath === undefined) {
        const what = `${path} does not say where ${name} answers with profiles.`;
        const remedy = `give the variant "pprofPath": "/debug/pprof/" in ${path}, and the server net/http/pprof`;
        throw withoutCapability('pprof', what, remedy);
      }
    }
  }
}

function wantsIoUring(scenarios: readonly LoadedScenario[]): boolean {
  return scenarios.some(({ scenario }) =>
    Object.values(scenario.variants).some(
      (variant) => isFixture(variant) && variant.netpoller === 'io_uring',
    ),
  );
}

function withoutCapability(capability: string, what: string, remedy: string): PollgateError {
  const options = { exitCode: exitCode.missingCapability, remedy };
  return new PollgateError(`--require ${capability}: ${what}`, options);
}

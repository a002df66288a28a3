import { usageError } from '../lib/errors.ts';
import { reservedFlag } from '../scenario/meaning.ts';
import { isFixture, type LoadedScenario } from '../scenario/scenario.ts';

/** @param text arguments apart by blanks; none of a knob's has a blank in it */
export function splitArgs(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

/**
 * Only our fixtures have knobs; a user's program under other arguments is another program.
 * @throws PollgateError (usage) for a flag of the harness's own, or a scenario with a program of the user's
 */
export function refuseHeadArgs(
  headArgs: readonly string[],
  scenarios: readonly LoadedScenario[],
): void {
  const reserved = headArgs.find((arg) => reservedFlag.test(arg));
  if (reserved !== undefined) {
    throw usageError(
      `--head-args has ${JSON.stringify(reserved)}; --listen, --pprof, --nonce and --data are set by the harness.`,
      'take it out; what a trial may turn are the knobs of go-fixtures/internal/knob, such as --knob-spin=500',
    );
  }
  const foreign = scenarios.find(({ scenario: { gate, reference, variants } }) =>
    (gate?.variants ?? [reference]).some((name) => {
      const spec = variants[name];
      return spec !== undefined && !isFixture(spec);
    }),
  );
  if (headArgs.length > 0 && foreign !== undefined) {
    throw usageError(
      `--head-args is for trials of the gate with our fixtures, and ${foreign.suite}/${foreign.id} starts a program of yours.`,
      'leave --head-args out, or name one of our scenarios with --only',
    );
  }
}

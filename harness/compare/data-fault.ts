import { checkGenerator, reasonTexts } from '../analyze/generator.ts';
import { netpollerContradiction } from '../analyze/netpoller-proof.ts';
import { formatInteger } from '../lib/units.ts';
import type { JudgeInput } from './gated.ts';

/**
 * Why the data of a variant must not be judged at all: its load failed, it was not what its name
 * says, or two sources of one quantity contradict each other. Null where nothing speaks against it.
 * @param window the one that is going to be read
 */
export function dataFault(
  input: JudgeInput,
  variant: string,
  window: 'unobserved' | 'observed',
): string | null {
  const checks =
    window === 'unobserved' ? input.generator : checkGenerator(input.evidence, 'observed');
  const broken = checks.find((check) => check.variant === variant && check.absolute === 'invalid');
  if (broken !== undefined) {
    return `round ${broken.round}: ${reasonTexts(broken)}`;
  }
  const quarrel = input.agreements.find(
    (agreement) => agreement.variant === variant && agreement.state === 'disagree',
  );
  if (quarrel !== undefined) {
    const { quantity, first, second } = quarrel;
    return `${quantity}: ${first.source} ${formatInteger(first.value)}, ${second.source} ${formatInteger(second.value)}`;
  }
  return netpollerContradiction(input.evidence, variant);
}

import type { Observation } from '../analyze/observation.ts';
import type { Cause } from '../scenario/cause.ts';
import type { Evidence, Finding } from './finding.ts';

/**
 * What one view says of a cause. `shows` and `denies` have looked; `blind` could not, and says why and
 * what would let it look.
 */
export type Sight =
  | { sees: 'shows'; evidence: Evidence[] }
  | { sees: 'denies'; evidence: Evidence[] }
  | { sees: 'blind'; why: string };

/** One root cause: how each view would show it. */
export interface Rule {
  cause: Cause;
  /** What it means, in a sentence. */
  meaning: string;
  remedy: string;
  /**
   * The view without which there is no suspicion: what the other one sees has many causes. `either`:
   * each is telling by itself.
   */
  leads: 'kernel' | 'runtime' | 'either';
  /** Causes that bring this one about: beside one of them it is a consequence. */
  follows?: readonly Cause[];
  look(seen: Observation): Look;
}

export interface Look {
  kernel: Sight;
  /** Of causes that the Go runtime cannot know of: what /proc tells beside the probes. */
  runtime: Sight;
  /** Share of the process's time, CPUs or connections that it explains, from 0 to 1: its rank. */
  weight: number;
  /** What was found, with figures and the place; used where some view shows it. */
  summary: string;
}

export interface RankedFinding extends Finding {
  /** See {@link Look.weight}. */
  weight: number;
  /** The confirmed cause that brings this about; absent for a root cause. */
  consequenceOf?: Cause;
}

/**
 * Both views show it: confirmed. One does, and it is telling: suspected, with what the other says. The
 * telling view looked and does not show it: ruled out; else unknown.
 */
export function conclude(rule: Rule, seen: Observation, variant: string): RankedFinding {
  const { kernel, runtime, weight, summary } = rule.look(seen);
  const sights = [kernel, runtime];
  const evidence = sights.flatMap((sight) => ('evidence' in sight ? sight.evidence : []));
  const common = { cause: rule.cause, variant, evidence, weight };
  const blind = [
    ...(kernel.sees === 'blind' ? [`the kernel's view: ${kernel.why}`] : []),
    ...(runtime.sees === 'blind' ? [`the runtime's view: ${runtime.why}`] : []),
  ];
  if (kernel.sees === 'shows' && runtime.sees === 'shows') {
    return { ...common, state: 'confirmed', summary, remedy: rule.remedy };
  }
  const telling = { kernel: [kernel], runtime: [runtime], either: sights }[rule.leads];
  if (telling.some(({ sees }) => sees === 'shows')) {
    const other = kernel.sees === 'shows' ? 'runtime' : 'kernel';
    const against =
      blind.length > 0
        ? `to confirm it, mend ${blind.join('; ')}`
        : `the ${other} does not show it`;
    return {
      ...common,
      state: 'suspected',
      summary: `${summary}; ${against}`,
      remedy: rule.remedy,
    };
  }
  const looked =
    rule.leads === 'either' ? blind.length === 0 : telling.every(({ sees }) => sees === 'denies');
  if (!looked) {
    return { ...common, state: 'unknown', summary: blind.join('; '), remedy: '' };
  }
  return { ...common, state: 'ruled-out', summary: `${rule.meaning}: not seen`, remedy: '' };
}

/** The sight of a view that is there: whether it shows, with what it measured either way. */
export function sight(shows: boolean, evidence: Evidence[]): Sight {
  return { sees: shows ? 'shows' : 'denies', evidence };
}

/** With more that the runtime shows, where it has looked. */
export function withRuntimeEvidence(look: Look, more: readonly Evidence[]): Look {
  const { runtime } = look;
  return runtime.sees === 'blind'
    ? look
    : { ...look, runtime: { ...runtime, evidence: [...runtime.evidence, ...more] } };
}

export function blind(why: string): Sight {
  return { sees: 'blind', why };
}

/** Why a view has nothing to say, from what the capture noted. */
export function withoutKernel({ record }: Observation): Sight {
  const stage = record.stages.find(({ name }) => name === 'netprobe, kernel');
  return blind(stage?.status === 'failed' ? stage.reason : 'netprobe did not run');
}

export function withoutScheduler({ record }: Observation): Sight {
  const stage = record.stages.find(({ name }) => name === 'netprobe, Go scheduler');
  return blind(stage?.status === 'failed' ? stage.reason : 'the scheduler probes did not run');
}

export function withoutPprof({ record }: Observation, what: string): Sight {
  const stage = record.stages.find(({ name, status }) => name === what && status === 'failed');
  return blind(record.pprof.url === '' ? record.pprof.reason : (stage?.reason ?? `no ${what}`));
}

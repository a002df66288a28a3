import type { Variates } from './variates.ts';

/** Step of the machine's state, and length of a slice. */
export const stepMs = 50;

/** Something that is on for a while, then off for a while, and slows the machine while it is on. */
interface Condition {
  /** Share of the time during which it is on, in (0, 1). */
  share: number;
  /** Mean length of one time on; both times are exponential. */
  meanMs: number;
  /** Range of the factor on all times, drawn log-uniformly. */
  factor: readonly [low: number, high: number];
  /** Whether each time on has a factor of its own, or each step. */
  drawn: 'each-time' | 'each-step';
  /** Stretches the tail (its logarithm beyond p95) by this factor while it is on; default 1. */
  tailStretch?: number;
}

export interface StateSpec {
  /** Slow wandering of the logarithm: AR(1) with this stationary SD and correlation time. */
  drift: { sd: number; correlationMs: number };
  /** A level that stays, then jumps to an independent one; its logarithm's SD, and mean stay. */
  level: { sd: number; meanMs: number };
  conditions: readonly Condition[];
}

/** How the machine stands at one moment. */
export interface MachineState {
  /** Logarithm of how much slower than usual everything is. */
  slowness(): number;
  /** Factor on the logarithm of the tail beyond p95, ≥ 1. */
  tailStretch(): number;
  /** Goes on by one step. */
  step(): void;
  /** Goes on by any time, in one leap. */
  leap(ms: number): void;
}

/** A state drawn from the long-run distribution, going on from there. */
export function machineState(spec: StateSpec, random: Variates): MachineState {
  const drift = driftOf(spec.drift, random);
  const level = levelOf(spec.level, random);
  const conditions = spec.conditions.map((condition) => conditionOf(condition, random));
  const leap = (ms: number) => {
    drift.leap(ms);
    level.leap(ms);
    for (const condition of conditions) {
      condition.leap(ms);
    }
  };
  const slowness = () => {
    let sum = drift.value + level.value;
    for (const condition of conditions) {
      sum += condition.value;
    }
    return sum;
  };
  const tailStretch = () => {
    let stretch = 1;
    for (const condition of conditions) {
      stretch *= condition.stretch;
    }
    return stretch;
  };
  return { slowness, tailStretch, leap, step: () => leap(stepMs) };
}

interface Component {
  value: number;
  leap(ms: number): void;
}

/** exp(−ms / scale), which is nearly always wanted for one step. */
function decays(scaleMs: number): (ms: number) => number {
  const ofStep = Math.exp(-stepMs / scaleMs);
  return (ms) => (ms === stepMs ? ofStep : Math.exp(-ms / scaleMs));
}

function driftOf({ sd, correlationMs }: StateSpec['drift'], random: Variates): Component {
  const decay = decays(correlationMs);
  const component = {
    value: sd * random.normal(),
    leap(ms: number) {
      const kept = decay(ms);
      component.value = kept * component.value + sd * Math.sqrt(1 - kept * kept) * random.normal();
    },
  };
  return component;
}

function levelOf({ sd, meanMs }: StateSpec['level'], random: Variates): Component {
  const decay = decays(meanMs);
  const component = {
    value: sd * random.normal(),
    leap(ms: number) {
      if (sd > 0 && random.uniform() > decay(ms)) {
        component.value = sd * random.normal();
      }
    },
  };
  return component;
}

/** Two-state Markov process in continuous time, looked at when it is asked for. */
function conditionOf(condition: Condition, random: Variates): Component & { stretch: number } {
  const { share, meanMs, factor, drawn } = condition;
  const stays = decays(meanMs);
  const forgets = decays(meanMs * (1 - share));
  const [low, high] = [Math.log(factor[0]), Math.log(factor[1])];
  let on = false;
  const component = { value: 0, stretch: 1, leap };
  function set(next: boolean, fresh: boolean) {
    if (next && (fresh || drawn === 'each-step')) {
      component.value = low + (high - low) * random.uniform();
      component.stretch = condition.tailStretch ?? 1;
    } else if (!next && on) {
      component.value = 0;
      component.stretch = 1;
    }
    on = next;
  }
  function leap(ms: number) {
    const draw = random.uniform();
    const kept = forgets(ms);
    if (on) {
      // The same time on goes on; or it ended and another one is on now; or it is off.
      const same = draw < stays(ms);
      set(same || draw < share + (1 - share) * kept, !same);
    } else {
      set(draw < share * (1 - kept), true);
    }
  }
  set(random.uniform() < share, true);
  return component;
}

import { normalUpperTail } from './normal.ts';

/**
 * The runs that no look has ended so far: their statistic's density, sampled for integration. It is
 * kept as a *score*, z · √information, whose steps from look to look are independent and normal
 * with variance equal to the step of information and mean drift · step.
 */
export interface Continuing {
  /** Share of the planned rounds at the last look, 0 before the first. */
  information: number;
  scores: Float64Array;
  /** Weight of each node times the density there; the sum is the share of runs that go on. */
  mass: Float64Array;
}

/** A later look; `drift` is the expected z at information 1. */
export interface NextLook {
  information: number;
  drift: number;
}

/** Scores are followed this many standard deviations up and down: P(Z > 14) = 8·10⁻⁴⁵. */
const reach = 14;

const gaussLegendre = gaussLegendreRule(16);

/** Before the first round the score is 0 for sure. */
export function start(): Continuing {
  return { information: 0, scores: Float64Array.of(0), mass: Float64Array.of(1) };
}

/** The same runs with the sign of the statistic reversed: a lower bound becomes an upper one. */
export function mirrored(continuing: Continuing): Continuing {
  return { ...continuing, scores: continuing.scores.map((score) => -score) };
}

/** Probability of having gone on so far and of being above `z` at this look. */
export function upperTail(before: Continuing, look: NextLook, z: number): number {
  if (z === Number.POSITIVE_INFINITY) {
    return 0;
  }
  const step = look.information - before.information;
  const needed = z * Math.sqrt(look.information) - look.drift * step;
  const scale = 1 / Math.sqrt(step);
  let sum = 0;
  for (const [i, mass] of before.mass.entries()) {
    sum += mass * normalUpperTail((needed - (before.scores[i] ?? 0)) * scale);
  }
  return sum;
}

/** Density of the z statistic at this look among the runs that have gone on so far. */
export function densityAt(before: Continuing, look: NextLook, z: number): number {
  const deviation = Math.sqrt(look.information);
  return deviation * scoreDensity(before, look)(z * deviation);
}

/**
 * The runs that go on after this look: those with a z between `from` and `to`.
 *
 *   g_k(s) = ∫ g_(k−1)(u) · φ((s − u − drift·step) / √step) / √step du
 *
 * is the recursion of Armitage, McPherson, Rowe, «Repeated significance tests on accumulating
 * data», J. R. Stat. Soc. A 132 (1969). Panels are as wide as the standard deviation of the shorter
 * of the steps before and after: on such a piece a normal density is as good as a polynomial to
 * Gauss and Legendre's rule of 16 nodes.
 * @param look `next` is the information of the look after this one
 */
export function advance(
  before: Continuing,
  look: NextLook & { next: number; from: number; to: number },
): Continuing {
  const { information, next, drift } = look;
  const deviation = Math.sqrt(information);
  const low = Math.max(look.from * deviation, drift * information - reach * deviation);
  const high = Math.min(look.to * deviation, drift * information + reach * deviation);
  const widest = Math.sqrt(Math.min(information - before.information, next - information));
  const panels = Math.max(0, Math.ceil((high - low) / widest));
  const half = (high - low) / panels / 2;
  const density = scoreDensity(before, look);
  const scores = new Float64Array(panels * gaussLegendre.length);
  const mass = new Float64Array(scores.length);
  for (let panel = 0; panel < panels; panel++) {
    for (const [i, { node, weight }] of gaussLegendre.entries()) {
      const at = panel * gaussLegendre.length + i;
      const score = low + half * (2 * panel + 1 + node);
      scores[at] = score;
      mass[at] = half * weight * density(score);
    }
  }
  return { information, scores, mass };
}

function scoreDensity(before: Continuing, look: NextLook): (score: number) => number {
  const step = look.information - before.information;
  const { scores, mass } = before;
  return (score) => {
    const expected = score - look.drift * step;
    let sum = 0;
    for (let i = 0; i < scores.length; i++) {
      const gap = expected - (scores[i] ?? 0);
      sum += (mass[i] ?? 0) * Math.exp((-gap * gap) / (2 * step));
    }
    return sum / Math.sqrt(2 * Math.PI * step);
  };
}

/**
 * Nodes and weights on [−1, 1]: roots of the Legendre polynomial by Newton's method from the usual
 * cosine, weight 2 / ((1 − x²)·P′(x)²).
 */
function gaussLegendreRule(points: number): { node: number; weight: number }[] {
  return Array.from({ length: points }, (_, i) => {
    let node = -Math.cos((Math.PI * (i + 0.75)) / (points + 0.5));
    let slope = 1;
    for (let round = 0; round < 10; round++) {
      let [previous, value] = [0, 1];
      for (let degree = 1; degree <= points; degree++) {
        [previous, value] = [
          value,
          ((2 * degree - 1) * node * value - (degree - 1) * previous) / degree,
        ];
      }
      slope = (points * (node * value - previous)) / (node * node - 1);
      node -= value / slope;
    }
    return { node, weight: 2 / ((1 - node * node) * slope * slope) };
  });
}

import type { FixtureBuild } from '../build/fixture-build.ts';
import { buildPrograms, fixturesModule, type Program } from '../build/go-build.ts';
import type { GoToolchain } from '../build/go-toolchain.ts';
import type { LoadedMatrix } from './description.ts';
import type { MatrixPlan } from './plan.ts';

/** The programs that matrices need, each once. */
export function matrixPrograms(matrices: readonly Pick<LoadedMatrix, 'description'>[]): Program[] {
  const all = matrices.flatMap(({ description }) => Object.values(description.servers));
  const programs = all.map(({ fixture, netpoller }): Program => {
    return { name: fixture, moduleDir: fixturesModule, package: `./cmd/${fixture}`, netpoller };
  });
  return [...new Map(programs.map((p) => [`${p.name}.${p.netpoller}`, p])).values()];
}

/** By «matrix/server». */
export async function readBuilds(
  go: GoToolchain,
  plans: readonly MatrixPlan[],
): Promise<Record<string, FixtureBuild>> {
  const programs = matrixPrograms(plans);
  const { builds } = await buildPrograms(go, programs, () => {});
  const pairs = plans.flatMap(({ id, description }) =>
    Object.entries(description.servers).flatMap(([name, { fixture, netpoller }]) => {
      const build = builds.find((each) => each.name === fixture && each.netpoller === netpoller);
      return build === undefined ? [] : [[`${id}/${name}`, build] as const];
    }),
  );
  return Object.fromEntries(pairs);
}

import { createHash } from 'node:crypto';
import { basename, dirname, join, resolve } from 'node:path';
import { isFixture, type LoadedScenario, type Variant } from '../scenario/scenario.ts';
import { bpfModule, fixturesModule, type Program } from './go-build.ts';

const tool = (moduleDir: string, name: string): Program => ({
  name,
  moduleDir,
  package: `./cmd/${name}`,
  netpoller: 'epoll',
});

/** The harness's own Go programs. */
export const tools = {
  loadgen: tool(fixturesModule, 'loadgen'),
  truthd: tool(fixturesModule, 'truthd'),
  childcost: tool(fixturesModule, 'childcost'),
  tracesum: tool(fixturesModule, 'tracesum'),
  ringcheck: tool(fixturesModule, 'ringcheck'),
  netprobe: tool(bpfModule, 'netprobe'),
} as const;

/** The program that a variant of a scenario runs. */
export function variantProgram(loaded: LoadedScenario, variant: Variant): Program {
  if (isFixture(variant)) {
    return { ...tool(fixturesModule, variant.fixture), netpoller: variant.netpoller };
  }
  const moduleDir = resolve(dirname(loaded.path), variant.package.moduleDir);
  const packageName = basename(join(moduleDir, variant.package.path));
  const place = createHash('sha256').update(join(moduleDir, variant.package.path)).digest('hex');
  const named = Object.entries(loaded.scenario.variants).find(([, each]) => each === variant);
  return {
    name: `${packageName}-${place.slice(0, 8)}`,
    moduleDir,
    package: variant.package.path,
    netpoller: 'epoll',
    place: { file: loaded.path, jsonPath: `/variants/${named?.[0] ?? '*'}/package/path` },
  };
}

/** Every program that the scenarios need, each once. */
export function scenarioPrograms(scenarios: readonly LoadedScenario[]): Program[] {
  const all = scenarios.flatMap((loaded) =>
    Object.values(loaded.scenario.variants).map((variant) => variantProgram(loaded, variant)),
  );
  return [...new Map(all.map((p) => [`${p.name}.${p.netpoller}`, p])).values()];
}

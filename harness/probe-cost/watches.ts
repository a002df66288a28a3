import Type, { type Static } from 'typebox';
import { probeSets } from '../capture/netprobe.ts';
import { runProgram } from '../host/checks/program.ts';
import { installCommand, isRoot } from '../host/checks/remedy.ts';
import { usageError } from '../lib/errors.ts';
import { parseJson } from '../lib/json.ts';
import { tools } from './tools.ts';
import { diagWatch, netprobeWatch, nothing, toolWatch, type Watch } from './watch.ts';

/** What `netprobe list --json` prints, as far as it matters here. */
const Listing = Type.Object({
  schema: Type.Literal(1),
  probes: Type.Array(
    Type.Object({
      name: Type.String(),
      summary: Type.String(),
      set: Type.Enum(probeSets),
      /** The probe whose programs this one reads: alone it would attach nothing. */
      object: Type.Optional(Type.String()),
    }),
  ),
});
export type Listing = Static<typeof Listing>;

/**
 * Everything that can be asked for: nothing, the sets, a whole diagnosis, the tools of others, each probe alone.
 * @param command netprobe, behind `sudo -n` where that is needed
 */
export async function allWatches(
  command: readonly string[],
  signal: AbortSignal,
): Promise<Watch[]> {
  const { stdout } = await runProgram([...command, 'list', '--json'], signal);
  const source = { name: 'netprobe list', remedy: 'npm run bench:probes builds netprobe anew' };
  const listing = parseJson(stdout, Listing, source);
  const missing = new Map<string, string>();
  for (const { program, package: debian } of tools) {
    missing.set(program, await whyMissing(program, debian, signal));
  }
  return [
    nothing,
    ...netprobeWatches(listing, command, 'set'),
    diagWatch(command),
    ...tools.map((tool) => toolWatch(tool, missing.get(tool.program) ?? '')),
    ...netprobeWatches(listing, command, 'probe'),
  ];
}

/** The sets, or each probe alone. */
export function netprobeWatches(
  { probes }: Listing,
  command: readonly string[],
  kind: 'set' | 'probe',
): Watch[] {
  return kind === 'probe'
    ? probes.map(({ name, summary, object }) => {
        const how =
          object === undefined ? summary : `With ${object}, whose hits it counts. ${summary}`;
        const watched = object === undefined ? [name] : [object, name];
        return netprobeWatch({ id: name, kind, how }, { probes: watched }, command);
      })
    : probeSets.map((set, rank) => {
        const own = probes.filter((probe) => probeSets.indexOf(probe.set) <= rank);
        const how = own.map(({ name }) => name).join(', ');
        return netprobeWatch({ id: set, kind, how }, { set }, command);
      });
}

async function whyMissing(program: string, debian: string, signal: AbortSignal): Promise<string> {
  const { found } = await runProgram([program, '--help'], signal);
  if (!found) {
    return `${program} is not on PATH; ${installCommand(debian)}`;
  }
  // Behind sudo it could not be stopped.
  return isRoot() ? '' : `${program} needs root; run the benchmark as root`;
}

/** @throws PollgateError (usage) for a name that there is not, with those that there are */
export function chooseWatches<T extends { entry: { id: string } }>(
  all: readonly T[],
  only: readonly string[] | undefined,
): T[] {
  const known = all.map(({ entry }) => entry.id);
  const unknown = only?.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw usageError(
      `--only=${only?.join(',')}: ${unknown} is nothing that watches.`,
      `name some of ${known.join(', ')}`,
    );
  }
  return all.filter(({ entry }) => only?.includes(entry.id) ?? true);
}

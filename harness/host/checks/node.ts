import { join } from 'node:path';
import Type from 'typebox';
import { readJson } from '../../lib/json.ts';
import { degraded, missing, type Outcome, ok, type Prerequisite } from './prerequisite.ts';

const minimumMajor = 24;
const remedy = 'npm ci --include=optional && npm run doctor';
const lost = ['comparable closed-loop throughput: Node is part of the instrument'];

/** Node of the version that the lockfile pins; npm scripts find it by themselves. */
export const node: Prerequisite = {
  id: 'node',
  title: 'Node',
  lost,
  inspect: 'node --version',
  async look({ rootDir }) {
    const manifest = await readJson(join(rootDir, 'package.json'), Manifest, { remedy });
    const pinned = Object.values(manifest.optionalDependencies)[0] ?? '';
    return judgeNode(process.versions.node, pinned);
  },
};

const Manifest = Type.Object({ optionalDependencies: Type.Record(Type.String(), Type.String()) });

export function judgeNode(running: string, pinned: string): Outcome {
  if (running === pinned) {
    return ok(`${running}, as pinned`);
  }
  if (Number(running.split('.')[0]) < minimumMajor) {
    const nothing = ['everything: the harness is TypeScript that only newer versions run directly'];
    return missing(`${running}, needed ${pinned}`, { lost: nothing, remedy });
  }
  return degraded(`${running}, pinned is ${pinned}`, { lost, remedy });
}

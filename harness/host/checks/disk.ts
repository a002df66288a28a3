import { statfs } from 'node:fs/promises';
import { degraded, ok, type Prerequisite } from './prerequisite.ts';

const gibibyte = 2 ** 30;
const lost = ['builds and run directories that no longer fit'];

/** Room in the clone for builds and results. */
export const disk: Prerequisite = {
  id: 'disk',
  title: 'Free disk space',
  lost,
  inspect: 'df -h .',
  async look({ rootDir }) {
    const { bavail, bsize } = await statfs(rootDir);
    const free = (bavail * bsize) / gibibyte;
    const seen = `${free.toFixed(1)} GiB, 1 GiB needed`;
    return free >= 1 ? ok(seen) : degraded(seen, { lost, remedy: 'go clean -cache && df -h .' });
  },
};

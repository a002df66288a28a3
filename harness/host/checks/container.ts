import { readlink } from 'node:fs/promises';
import { readIfThere } from '../system-files.ts';
import { degraded, type Outcome, ok, type Prerequisite } from './prerequisite.ts';
import { privilegedContainer } from './remedy.ts';

const lost = ['io_uring and eBPF captures, as far as its seccomp profile forbids them'];

/** inode numbers that the kernel gives to the first namespace of each kind (proc_ns.h). */
const initialNamespaces = { ipc: '4026531839', uts: '4026531838', pid: '4026531836' } as const;

/** What a container shows of itself from inside. */
export interface ContainerTraces {
  /** Runtime by its marker file, variable or control group; undefined without any. */
  runtime: string | undefined;
  /** Whether at least one namespace is not the machine's first. */
  ownNamespaces: boolean;
  /** Mode of /proc/self/status: 2 is a filter. */
  seccomp: number;
}

/** Whether this is a container, and whether it is one that lets the measuring through. */
export const container: Prerequisite = {
  id: 'container',
  title: 'Container',
  lost,
  inspect: 'cat /proc/1/cgroup; grep Seccomp: /proc/self/status',
  look: async () => judgeContainer(await readTraces()),
};

export function judgeContainer({ runtime, ownNamespaces, seccomp }: ContainerTraces): Outcome {
  // Images of virtual machines that were made from container images keep the marker file.
  if (runtime === undefined || !ownNamespaces) {
    return ok('none');
  }
  if (seccomp === 2) {
    return degraded(`${runtime}, with a seccomp profile`, { lost, remedy: privilegedContainer });
  }
  return ok(`${runtime}, without a seccomp profile`);
}

/** Names the runtime by /proc/1/cgroup, where it shows. */
export function runtimeOfCgroup(text: string): string | undefined {
  if (/kubepods/.test(text)) {
    return 'kubernetes';
  }
  return /docker|libpod|containerd|lxc|garden/.exec(text)?.[0].replace('libpod', 'podman');
}

async function readTraces(): Promise<ContainerTraces> {
  const [docker, podman, cgroup, status] = await Promise.all([
    readIfThere('/.dockerenv'),
    readIfThere('/run/.containerenv'),
    readIfThere('/proc/1/cgroup'),
    readIfThere('/proc/self/status'),
  ]);
  const runtime =
    (process.env['KUBERNETES_SERVICE_HOST'] && 'kubernetes') ||
    (podman !== undefined && 'podman') ||
    (docker !== undefined && 'docker') ||
    process.env['container'] ||
    runtimeOfCgroup(cgroup ?? '');
  const own = await Promise.all(
    Object.entries(initialNamespaces).map(
      async ([kind, inode]) => (await readlink(`/proc/self/ns/${kind}`)) !== `${kind}:[${inode}]`,
    ),
  );
  return {
    runtime: runtime || undefined,
    ownNamespaces: own.includes(true),
    seccomp: Number(/^Seccomp:\s*(\d)$/m.exec(status ?? '')?.[1] ?? 0),
  };
}

/** Which CPUs servers and generator are pinned to. */
export interface Placement {
  /** CPU list as taskset takes it. */
  servers: string;
  /** One CPU, or -1 where the generator must share the only one. */
  generator: number;
}

/**
 * Keeps the generator off the servers' CPUs where there are at least two.
 * From four CPUs on the first is left to the harness and the kernel, and servers get two at most,
 * so that figures of larger machines stay comparable with each other.
 */
export function placeOn(cpus: readonly number[]): Placement {
  const generator = cpus.at(-1);
  if (generator === undefined || cpus.length === 1) {
    return { servers: cpus.join(','), generator: -1 };
  }
  const servers = cpus.length >= 4 ? cpus.slice(1, 3) : cpus.slice(0, 1);
  return { servers: servers.join(','), generator };
}

import { join } from 'node:path';
import { readIfThere } from './system-files.ts';

/** The places where a hypervisor shows; undefined for those that this machine has not. */
export interface HypervisorTraces {
  /** The CPU's own flag; undefined on architectures without one. */
  cpuFlag: boolean | undefined;
  /** /sys/hypervisor/type, such as "xen". */
  sysType: string | undefined;
  dmiVendor: string | undefined;
  dmiProduct: string | undefined;
  /** /proc/device-tree/hypervisor/compatible, such as "linux,kvm". */
  deviceTree: string | undefined;
  /** Clock sources that the kernel offers, separated by spaces. */
  clocksources: string | undefined;
}

/** Makers of virtual machines as DMI names them. A metal instance of a cloud says so. */
const virtualVendor =
  /amazon ec2|qemu|kvm|vmware|innotek|oracle|microsoft|google|xen|parallels|bochs|openstack|alibaba|tencent|digitalocean|hetzner|nutanix|firecracker/i;

/** Clock sources that only guests of one hypervisor have. */
const guestClocks: [RegExp, string][] = [
  [/\bkvm-clock\b/, 'kvm'],
  [/\bhyperv_clocksource/, 'hyper-v'],
  [/\bxen\b/, 'xen'],
];

/**
 * Names the hypervisor, with the kind of machine that it pretends to be where it says so.
 * @returns "none" on bare metal, "unknown" where nothing can be told
 */
export function nameHypervisor(traces: HypervisorTraces): string {
  const { cpuFlag, sysType, dmiVendor, dmiProduct, deviceTree, clocksources } = traces;
  const dmi = [dmiVendor, dmiProduct].filter((text) => text !== undefined && text !== '').join(' ');
  if (cpuFlag === false) {
    return 'none';
  }
  const looksVirtual = virtualVendor.test(dmi) && !/\.metal\b/.test(dmi);
  if (dmi !== '' && (cpuFlag === true || looksVirtual)) {
    return dmi;
  }
  const named =
    sysType ?? deviceTree ?? guestClocks.find(([clock]) => clock.test(clocksources ?? ''))?.[1];
  if (named !== undefined) {
    return named;
  }
  return dmi === '' ? 'unknown' : 'none';
}

/** Collects the traces of a hypervisor below `root`. */
export async function readHypervisor(cpuFlag: boolean | undefined, root = '/'): Promise<string> {
  const read = (path: string) => readIfThere(join(root, path));
  const [sysType, dmiVendor, dmiProduct, deviceTree, clocksources] = await Promise.all([
    read('sys/hypervisor/type'),
    read('sys/class/dmi/id/sys_vendor'),
    read('sys/class/dmi/id/product_name'),
    read('proc/device-tree/hypervisor/compatible'),
    read('sys/devices/system/clocksource/clocksource0/available_clocksource'),
  ]);
  // Device tree strings end with a NUL, and a list of them has more inside.
  const compatible = deviceTree?.split('\0')[0];
  return nameHypervisor({
    cpuFlag,
    sysType,
    dmiVendor,
    dmiProduct,
    deviceTree: compatible,
    clocksources,
  });
}

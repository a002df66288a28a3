import { open } from 'node:fs/promises';
import { messageOf } from '../../lib/errors.ts';
import { ebpfLost } from './ebpf.ts';
import { degraded, ok, type Prerequisite } from './prerequisite.ts';
import { asRoot, kernelCommand } from './remedy.ts';

const file = '/sys/kernel/btf/vmlinux';

/** The kernel's own type information, by which the probes fit themselves to it. */
export const btf: Prerequisite = {
  id: 'btf',
  title: 'Kernel types (BTF)',
  lost: ebpfLost,
  inspect: `ls -l ${file}`,
  async look() {
    try {
      const handle = await open(file);
      try {
        const { size } = await handle.stat();
        const { bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0);
        if (bytesRead === 2) {
          return ok(`${(size / 1e6).toFixed(1)} MB`);
        }
        return degraded(`${file} is empty`, { lost: ebpfLost, remedy: kernelCommand() });
      } finally {
        await handle.close();
      }
    } catch (cause) {
      const refused = (cause as NodeJS.ErrnoException).code === 'EACCES';
      const remedy = refused ? asRoot(`chmod a+r ${file}`) : kernelCommand();
      return degraded(messageOf(cause), { lost: ebpfLost, remedy });
    }
  },
};

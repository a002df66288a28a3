import { createHash } from 'node:crypto';

/** What /proc/cpuinfo says, as far as it decides how fast code runs. */
export interface CpuInfo {
  /** Model with what tells its revisions apart; "unknown" where the file names none. */
  model: string;
  /** SHA-256 over the sorted instruction set flags; "unknown" where there are none. */
  flagsSha256: string;
  /** Logical CPUs that the kernel uses. */
  processors: number;
  /** Whether a hypervisor announces itself; undefined where the architecture has no such flag. */
  hypervisorFlag: boolean | undefined;
}

const armImplementers: Record<string, string> = {
  '0x41': 'Arm',
  '0x48': 'HiSilicon',
  '0x4e': 'NVIDIA',
  '0x50': 'Applied Micro',
  '0x51': 'Qualcomm',
  '0x61': 'Apple',
  '0x6d': 'Microsoft',
  '0xc0': 'Ampere',
};

/** Arm's own cores that servers and boards have; others appear with their part number. */
const armParts: Record<string, string> = {
  '0xd03': 'Cortex-A53',
  '0xd08': 'Cortex-A72',
  '0xd0b': 'Cortex-A76',
  '0xd0c': 'Neoverse-N1',
  '0xd40': 'Neoverse-V1',
  '0xd49': 'Neoverse-N2',
  '0xd4f': 'Neoverse-V2',
  '0xd84': 'Neoverse-V3',
  '0xd8e': 'Neoverse-N3',
};

/** Parses /proc/cpuinfo of x86 or Arm. */
export function parseCpuInfo(text: string): CpuInfo {
  const cpus = text
    .split(/\n\s*\n/)
    .map(parseBlock)
    .filter((block) => block.has('processor'));
  const flags = distinct(cpus.map((cpu) => cpu.get('flags') ?? cpu.get('Features')));
  const x86Flags = cpus[0]?.get('flags');
  return {
    model: distinct(cpus.map(modelOf)).join(' + ') || 'unknown',
    flagsSha256: flags.length === 0 ? 'unknown' : hashFlags(flags),
    processors: cpus.length,
    hypervisorFlag:
      x86Flags === undefined ? undefined : x86Flags.split(/\s+/).includes('hypervisor'),
  };
}

function parseBlock(block: string): Map<string, string> {
  const fields = block.split('\n').map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
  });
  return new Map(fields);
}

function modelOf(cpu: Map<string, string>): string | undefined {
  const implementer = cpu.get('CPU implementer');
  if (implementer !== undefined) {
    const part = cpu.get('CPU part') ?? '';
    const maker = armImplementers[implementer] ?? `implementer ${implementer}`;
    const core = (implementer === '0x41' && armParts[part]) || `part ${part}`;
    const variant = Number(cpu.get('CPU variant') ?? Number.NaN);
    return `${maker} ${core} r${variant}p${cpu.get('CPU revision')}`;
  }
  const name = cpu.get('model name');
  // Hypervisors give different processors one name, such as "AMD EPYC"; these numbers differ.
  const numbers = ['cpu family', 'model', 'stepping'].map((key) => cpu.get(key) ?? '?');
  return name === undefined ? undefined : `${name} (${numbers.join('/')})`;
}

function hashFlags(sets: readonly string[]): string {
  const sorted = sets.map((flags) => flags.split(/\s+/).sort().join(' '));
  return createHash('sha256').update(distinct(sorted).join('\n')).digest('hex');
}

function distinct(values: readonly (string | undefined)[]): string[] {
  return [...new Set(values.filter((value) => value !== undefined))].sort();
}

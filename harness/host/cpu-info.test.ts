import { expect, test } from 'vitest';
import { parseCpuInfo } from './cpu-info.ts';
import { cpuInfoTexts } from './testing/machine-texts.ts';

test('an Intel cloud machine has model numbers and shows its hypervisor', () => {
  expect(parseCpuInfo(cpuInfoTexts.intelCloud)).toMatchObject({
    model: 'Intel(R) Xeon(R) Platinum 8370C CPU @ 2.80GHz (6/106/6)',
    processors: 2,
    hypervisorFlag: true,
  });
});

test('an AMD desktop runs on bare metal', () => {
  expect(parseCpuInfo(cpuInfoTexts.amdDesktop)).toMatchObject({
    model: 'AMD Ryzen 9 5950X 16-Core Processor (25/33/2)',
    hypervisorFlag: false,
  });
});

test.for([
  ['graviton2', 'Arm Neoverse-N1 r3p1'],
  ['graviton3', 'Arm Neoverse-V1 r1p1'],
] as const)('%s is named by its part number, and has no hypervisor flag', ([machine, model]) => {
  expect(parseCpuInfo(cpuInfoTexts[machine])).toMatchObject({
    model,
    processors: 2,
    hypervisorFlag: undefined,
  });
});

test('a board with two kinds of cores names both and counts processors only', () => {
  expect(parseCpuInfo(cpuInfoTexts.bigLittleBoard)).toMatchObject({
    model: 'Arm Cortex-A53 r0p4 + Arm Cortex-A72 r0p2',
    processors: 2,
  });
});

test('an Arm core that is not in the table keeps its numbers', () => {
  const text = cpuInfoTexts.graviton2.replaceAll('0xd0c', '0xfff').replaceAll('0x41', '0x99');
  expect(parseCpuInfo(text).model).toBe('implementer 0x99 part 0xfff r3p1');
});

test('the hash of the flags ignores their order and nothing else', () => {
  const text = cpuInfoTexts.intelCloud;
  const { flagsSha256 } = parseCpuInfo(text);
  expect(flagsSha256).toMatch(/^[0-9a-f]{64}$/);
  expect(parseCpuInfo(text.replaceAll('fpu vme', 'vme fpu')).flagsSha256).toBe(flagsSha256);
  expect(parseCpuInfo(text.replaceAll(' avx512f', '')).flagsSha256).not.toBe(flagsSha256);
});

test('clock rates that change by the second do not change anything', () => {
  const text = cpuInfoTexts.amdDesktop;
  expect(parseCpuInfo(text.replaceAll('3400.000', '2874.113'))).toEqual(parseCpuInfo(text));
});

test('a text without processors is unknown', () => {
  expect(parseCpuInfo('')).toEqual({
    model: 'unknown',
    flagsSha256: 'unknown',
    processors: 0,
    hypervisorFlag: undefined,
  });
});

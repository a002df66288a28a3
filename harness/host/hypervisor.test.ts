import { expect, test } from 'vitest';
import { type HypervisorTraces, nameHypervisor } from './hypervisor.ts';

const nothing: HypervisorTraces = {
  cpuFlag: undefined,
  sysType: undefined,
  dmiVendor: undefined,
  dmiProduct: undefined,
  deviceTree: undefined,
  clocksources: undefined,
};

test.for<[string, Partial<HypervisorTraces>, string]>([
  [
    'a hosted runner',
    { cpuFlag: true, dmiVendor: 'Microsoft Corporation', dmiProduct: 'Virtual Machine' },
    'Microsoft Corporation Virtual Machine',
  ],
  [
    'a Graviton instance',
    { dmiVendor: 'Amazon EC2', dmiProduct: 'm7g.large' },
    'Amazon EC2 m7g.large',
  ],
  ['a Graviton metal instance', { dmiVendor: 'Amazon EC2', dmiProduct: 'm7g.metal' }, 'none'],
  [
    'an x86 metal instance',
    { cpuFlag: false, dmiVendor: 'Amazon EC2', dmiProduct: 'c5.metal' },
    'none',
  ],
  [
    'a workstation',
    { cpuFlag: false, dmiVendor: 'LENOVO', dmiProduct: '30BES07C00', clocksources: 'tsc hpet' },
    'none',
  ],
  ['a small guest without DMI', { cpuFlag: true, clocksources: 'tsc kvm-clock' }, 'kvm'],
  ['a guest that hides everything', { cpuFlag: true, clocksources: 'tsc' }, 'unknown'],
  ['an Xen guest without DMI', { cpuFlag: true, sysType: 'xen' }, 'xen'],
  ['an Arm guest with a device tree', { deviceTree: 'linux,kvm' }, 'linux,kvm'],
  ['an Arm server', { dmiVendor: 'GIGABYTE', dmiProduct: 'R272-P30' }, 'none'],
  ['an Arm machine that says nothing', {}, 'unknown'],
])('%s', ([, traces, name]) => {
  expect(nameHypervisor({ ...nothing, ...traces })).toBe(name);
});

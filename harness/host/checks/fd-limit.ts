import { readFile } from 'node:fs/promises';
import { missing, type Outcome, ok, type Prerequisite } from './prerequisite.ts';
import { asRoot } from './remedy.ts';

/**
 * The hard limit of open files. Go programs and Node raise the soft one to it by themselves, so the
 * soft limit stops nobody.
 */
export const fdLimit: Prerequisite = {
  id: 'fd-limit',
  title: 'File descriptors',
  lost: ['scenarios with many connections'],
  inspect: 'ulimit -Hn',
  async look({ neededDescriptors }) {
    const limits = await readFile('/proc/self/limits', 'utf8');
    return judgeFdLimit(limits, neededDescriptors);
  },
};

/** Judges the text of /proc/self/limits. */
export function judgeFdLimit(limits: string, needed: number): Outcome {
  const hard = /^Max open files +\S+ +(\S+)/m.exec(limits)?.[1] ?? 'unknown';
  if (hard === 'unlimited' || Number(hard) >= needed) {
    return ok(`${hard} per process, ${needed} needed`);
  }
  return missing(`${hard} per process, ${needed} needed`, {
    lost: [`scenarios with more than about ${Math.max(0, Number(hard) - 32)} connections`],
    remedy: asRoot(`prlimit --pid $$ --nofile=${needed}:${needed}`),
  });
}

import { join } from 'node:path';
import { rootDir } from '../lib/paths.ts';
import type { FixtureBuild } from './fixture-build.ts';

type Netpoller = FixtureBuild['netpoller'];

/** A Go program to build: which package of which module, on which netpoller. */
export interface Program {
  name: string;
  /** Absolute path of the folder with go.mod. */
  moduleDir: string;
  /** Such as ./cmd/block-4k. */
  package: string;
  netpoller: Netpoller;
  /** Where a scenario names a program of the user's: file and JSON path; ours have none. */
  place?: { file: string; jsonPath: string };
}

export const fixturesModule = join(rootDir, 'go-fixtures');
export const bpfModule = join(rootDir, 'bpf');

export function isOurs(program: Program): boolean {
  return program.place === undefined;
}

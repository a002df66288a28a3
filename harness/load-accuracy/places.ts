import { homedir } from 'node:os';
import { dirname } from 'node:path';
import { rootDir } from '../lib/paths.ts';

/** The folder of the jobs, and that of the run, in which it lies. */
export function runPlaces(jobsDir: string): string[] {
  return [jobsDir, dirname(jobsDir)];
}

/**
 * What a program said, without where: results are published, and a folder, the name of a user or
 * an address with a password in it is no part of them.
 * @param places folders; those within another come first
 */
export function withoutPlaces(text: string, places: readonly string[] = []): string {
  const known = [...places, rootDir].filter((place) => place.length > 1);
  const homes = [process.env['HOME'] ?? '', homedir()].filter((home) => home.length > 1);
  const bare = text.replaceAll(/https?:\/\/\S+/g, '(address)');
  const shortened = known.reduce(
    (rest, place) => rest.replaceAll(`${place}/`, '').replaceAll(place, '.'),
    bare,
  );
  return homes.reduce((rest, home) => rest.replaceAll(home, '~'), shortened);
}

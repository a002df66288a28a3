import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeFileAtomic, writeFilesAtomic } from './fs.ts';

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pollgate-fs-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

test('writes text and bytes, makes the folders, replaces what was there', async () => {
  const path = join(dir, 'new', 'a b', 'file.json');
  await writeFileAtomic(path, 'grün');
  expect(await readFile(path, 'utf8')).toBe('grün');
  await writeFileAtomic(path, Uint8Array.of(0, 255));
  expect([...(await readFile(path))]).toEqual([0, 255]);
  expect(await readdir(join(dir, 'new', 'a b'))).toEqual(['file.json']);
});

test('of many writers at once one wins whole, and nothing of the others stays', async () => {
  const folder = join(dir, 'race');
  const path = join(folder, 'file');
  const contents = Array.from({ length: 20 }, (_, index) => String(index).repeat(100_000));
  await Promise.all(contents.map((content) => writeFileAtomic(path, content)));
  expect(contents).toContain(await readFile(path, 'utf8'));
  expect(await readdir(folder)).toEqual(['file']);
});

test('a target that cannot be replaced is an error that names it, without a temporary file', async () => {
  const path = join(dir, 'taken');
  await mkdir(join(path, 'child'), { recursive: true });
  await expect(writeFileAtomic(path, 'x')).rejects.toMatchObject({
    exitCode: 4,
    message: expect.stringContaining(`${path} could not be written: `),
    remedy: expect.stringContaining('df -h'),
  });
  await writeFile(join(dir, 'no-folder'), '');
  await expect(writeFileAtomic(join(dir, 'no-folder', 'x'), 'x')).rejects.toMatchObject({
    exitCode: 4,
    message: expect.stringMatching(/could not be written: E(EXIST|NOTDIR)/),
  });
  expect((await readdir(dir)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
});

test('several files: all of them, or what was there before', async () => {
  const [one, two] = [join(dir, 'several', 'one'), join(dir, 'several', 'two')];
  await writeFilesAtomic([
    [one, 'old'],
    [two, 'old'],
  ]);
  const blocked = join(dir, 'no-folder-for-several', 'x');
  await writeFile(join(dir, 'no-folder-for-several'), '');
  await expect(
    writeFilesAtomic([
      [one, 'new'],
      [blocked, 'new'],
      [two, 'new'],
    ]),
  ).rejects.toThrow('could not be written');
  expect([await readFile(one, 'utf8'), await readFile(two, 'utf8')]).toEqual(['old', 'old']);
  expect((await readdir(join(dir, 'several'))).sort()).toEqual(['one', 'two']);
});

const run = promisify(execFile);
const privateMounts = await run('unshare', ['-m', 'true']).then(
  () => true,
  () => false,
);

/** A disk of 64 KiB that only the script sees: it runs in a mount namespace of its own. */
async function onSmallDisk(script: string): Promise<Record<string, unknown>> {
  const disk = await mkdtemp(join(dir, 'disk-'));
  const code = `
    const { writeFileAtomic } = await import(${JSON.stringify(join(import.meta.dirname, 'fs.ts'))});
    const { readFile, readdir } = await import('node:fs/promises');
    const path = ${JSON.stringify(join(disk, 'result.json'))};
    const result = await (async () => { ${script} })();
    const left = await readdir(${JSON.stringify(disk)});
    console.log(JSON.stringify({ ...result, left }));
  `;
  const mount = `mount -t tmpfs -o size=64k none "$1" && exec "$2" --input-type=module --eval "$3"`;
  const args = ['-m', 'sh', '-c', mount, 'sh', disk, process.execPath, code];
  const { stdout } = await run('unshare', args);
  return JSON.parse(stdout) as Record<string, unknown>;
}

test.skipIf(!privateMounts)(
  'a full disk leaves the old file whole and no temporary one [needs: root (unshare -m)]',
  { timeout: 30_000 },
  async () => {
    const result = await onSmallDisk(`
      await writeFileAtomic(path, 'old'.repeat(1000));
      const error = await writeFileAtomic(path, 'x'.repeat(100 * 1024)).catch((e) => e);
      const whole = (await readFile(path, 'utf8')) === 'old'.repeat(1000);
      return { message: error?.message, exitCode: error?.exitCode, whole };
    `);
    expect(result).toEqual({
      message: expect.stringMatching(/result\.json could not be written: ENOSPC/),
      exitCode: 4,
      whole: true,
      left: ['result.json'],
    });
  },
);

test('a folder without write permission is refused', async ({ skip }) => {
  skip(process.getuid?.() === 0, 'needs: a user that permissions bind (this is root)');
  const folder = join(dir, 'sealed');
  await mkdir(folder);
  await chmod(folder, 0o500);
  await expect(writeFileAtomic(join(folder, 'x'), 'x')).rejects.toThrow('EACCES');
});

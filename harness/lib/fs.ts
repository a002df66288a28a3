import { randomBytes } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { infrastructureError, messageOf } from './errors.ts';

/**
 * Writes several files, all or, where one of them cannot be written, none: whoever reads them
 * together must not find old beside new. Between the renames a crash could still part them.
 */
export async function writeFilesAtomic(
  files: readonly (readonly [path: string, content: string])[],
): Promise<void> {
  const kept: string[] = [];
  try {
    for (const [path, content] of files) {
      const copy = `${path}.${randomBytes(4).toString('hex')}.new`;
      await writeFileAtomic(copy, content);
      kept.push(copy);
    }
    for (const [index, [path]] of files.entries()) {
      await rename(kept[index] as string, path);
    }
  } finally {
    await Promise.all(kept.map((copy) => rm(copy, { force: true })));
  }
}

/**
 * Writes a file so that it is there whole or not at all: a temporary file beside it, fsync, rename.
 * A full disk leaves the old content in place and no temporary file behind.
 */
export async function writeFileAtomic(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(temporary, 'wx');
    try {
      // FileHandle.writeFile loops over short writes, which a plain write() does not report.
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    // Where not even that works, the first error is the one that says why.
    await rm(temporary, { force: true }).catch(() => undefined);
    throw infrastructureError(
      `${path} could not be written: ${messageOf(cause)}`,
      `free space and check permissions: df -h ${JSON.stringify(dirname(path))}`,
      cause,
    );
  }
}

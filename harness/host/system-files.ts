import { readFile } from 'node:fs/promises';

/** Text of a file of /proc or /sys without the newline at its end; undefined if it is not there. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).trimEnd();
  } catch (cause) {
    // ENODEV and EIO are how drivers say that they have nothing to show.
    const absent = ['ENOENT', 'ENOTDIR', 'ENODEV', 'EIO', 'EOPNOTSUPP'];
    if (absent.includes((cause as NodeJS.ErrnoException).code ?? '')) {
      return undefined;
    }
    throw cause;
  }
}

import { realpath } from 'node:fs/promises';
import { StoreError } from '../errors.ts';

/**
 * The name that a path on disk is imported under: its last component, where trailing slashes and single dots don't
 * count. Where that leaves nothing or `..`, the name of the directory that the path leads to.
 *
 * @throws StoreError `store/no-base-name` for the root directory and the empty path; the file system's error where such
 *   a directory can't be resolved
 */
export async function nameOfPath(path: string): Promise<string> {
  const last = lastComponent(path);
  if (last !== undefined && last !== '..') return last;
  // Not by cutting the text: behind a symbolic link, `..` is the parent of the directory that the link leads to.
  const name = path === '' ? undefined : lastComponent(await realpath(path));
  if (name === undefined) {
    throw new StoreError(
      'store/no-base-name',
      `no name to import ${JSON.stringify(path)} under: name one`,
      { details: { path } },
    );
  }
  return name;
}

function lastComponent(path: string): string | undefined {
  return path
    .split('/')
    .findLast((component) => component !== '' && component !== '.');
}

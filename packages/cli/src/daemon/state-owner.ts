import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withoutLogin } from '@tvix/store/binary-cache';
import type { OpenStore } from '../services.ts';

/** The file in `--http-state` that names the store which the rest belongs to. */
const FILE = 'SERVED-STORE';

/** What a directory of `--http-state` belongs to. */
export interface StateOwner {
  /** Names the store that it was made for. */
  readonly file: string;
  /** Whether that is the one that is served. */
  readonly isServed: boolean;
}

/**
 * Whose a directory of `--http-state` is: that of the store which it was used for first. Seen from another store all of it
 * leads nowhere.
 */
export async function ownerOfState(
  directory: string,
  store: Pick<OpenStore, 'addresses' | 'localStore' | 'isAllLocal'>,
): Promise<StateOwner> {
  const file = join(directory, FILE);
  const served = `${nameOf(store)}\n`;
  try {
    await writeFile(file, served, { flag: 'wx', flush: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return { file, isServed: (await readFile(file, 'utf8')) === served };
}

/** A local store is known by its id, wherever it lies; others by where they are. */
function nameOf({
  addresses,
  localStore,
  isAllLocal,
}: Parameters<typeof ownerOfState>[1]): string {
  if (isAllLocal && localStore !== undefined)
    return `store ${localStore.format.storeId}`;
  const { blobs, directories, pathInfos } = addresses;
  const distinct = new Set([blobs, directories, pathInfos].map(withoutLogin));
  return [...distinct].join(' ');
}

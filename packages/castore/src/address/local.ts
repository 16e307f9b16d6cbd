import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseLocalAddress } from './grammar.ts';
import type { AddressOpener, OpenedServices } from './registry.ts';

/**
 * Opens `local:/abs/dir` by a function that opens a directory. `local:` alone opens a temporary directory, which is
 * removed when the store is closed.
 */
export function localAddressOpener<Opened extends OpenedServices>(
  openDirectory: (path: string) => Promise<Opened>,
): AddressOpener<Opened> {
  return async (address) => {
    const path = parseLocalAddress(address);
    if (path !== undefined) return await openDirectory(path);
    const temporary = await mkdtemp(join(tmpdir(), 'castore-'));
    const remove = (): Promise<void> =>
      rm(temporary, { recursive: true, force: true });
    try {
      const opened = await openDirectory(temporary);
      return {
        ...opened,
        async close() {
          await opened.close();
          await remove();
        },
      };
    } catch (error) {
      await remove();
      throw error;
    }
  };
}

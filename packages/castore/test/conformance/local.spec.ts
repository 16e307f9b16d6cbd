import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import type { BlobService } from '../../src/blob-service/blob-service.ts';
import { LocalBlobService } from '../../src/blob-service/local.ts';
import {
  runBlobServiceConformance,
  runDirectoryServiceConformance,
} from '../../src/conformance/index.ts';
import type { DirectoryService } from '../../src/directory-service/directory-service.ts';
import { LocalDirectoryService } from '../../src/directory-service/local.ts';
import type { LocalStore } from '../../src/local-store/local-store.ts';
import { TemporaryStore } from '../local-store/temporary-store.ts';
import { runner } from './runner.ts';

/** Runs a service of a local store in a directory of its own. */
function localSubject<Service extends object>(
  open: (store: LocalStore) => Service,
) {
  const stores = new WeakMap<Service, TemporaryStore>();
  const keep = (store: TemporaryStore): Service => {
    const service = open(store.store);
    stores.set(service, store);
    return service;
  };
  return {
    name: 'local',
    create: async () => keep(await TemporaryStore.create()),
    destroy: (service: Service) => stores.get(service)!.destroy(),
    reopen: async (service: Service) => {
      const store = stores.get(service)!;
      await store.reopen();
      return keep(store);
    },
    /** Changes a byte of the payload in place: it follows the header, which names the digest. */
    corrupt: async (service: Service, digest: { bytes: Uint8Array }) => {
      for (const file of stores.get(service)!.packFiles()) {
        const at = readFileSync(file).indexOf(digest.bytes);
        if (at < 0) continue;
        const descriptor = openSync(file, 'r+');
        writeSync(descriptor, Uint8Array.of(0xa5, 0x5a), 0, 2, at + 60);
        closeSync(descriptor);
      }
      return service;
    },
    cut: async (service: Service) => {
      await stores.get(service)!.close();
      return service;
    },
  };
}

runBlobServiceConformance(
  runner,
  localSubject<BlobService>((store) => new LocalBlobService(store)),
);

runDirectoryServiceConformance(
  runner,
  localSubject<DirectoryService>((store) => new LocalDirectoryService(store)),
);

import type { DirectoryLookup } from '@tvix/castore';
import { ServiceBlobSource } from '../blob-source.ts';
import type { ReadableBlobs } from '../blob-source.ts';
import { FsError } from '../errors.ts';
import type { RootNodes } from '../root-nodes.ts';
import type { FsServices } from './service-host.ts';

/** Live services, as a program has them at hand. */
export interface LiveServices {
  readonly rootNodes: RootNodes;
  readonly directories: DirectoryLookup;
  readonly blobs: ReadableBlobs;
}

/** Services that {@link ServicesModule.openServices} opened. */
export interface OpenedServices extends LiveServices {
  /** Closes them. Called after the mount has ended. */
  close?(): Promise<void>;
}

/** Names a module that opens services in the thread that serves the kernel, so that no request leaves that thread. */
export interface ServicesModuleRef {
  /** The address of a module that exports `openServices` ({@link ServicesModule}). */
  readonly module: URL | string;
  /** What `openServices` is called with: anything that the structured clone algorithm takes. */
  readonly options?: unknown;
}

/** What such a module exports. */
export interface ServicesModule {
  openServices(options: unknown): Promise<OpenedServices> | OpenedServices;
}

/** Services, and how to close them. */
export interface ClosableServices extends FsServices {
  close(): Promise<void>;
}

/**
 * Opens the services that a module gives.
 *
 * @throws FsError `fs/services-failed`
 */
export async function openModuleServices(
  href: string,
  options: unknown,
): Promise<ClosableServices> {
  try {
    const { openServices } = (await import(href)) as ServicesModule;
    const services = await openServices(options);
    const { rootNodes, directories, blobs } = services;
    const source = new ServiceBlobSource(blobs);
    return {
      rootNodes,
      directories,
      blobs: source,
      async close() {
        await source.close();
        await services.close?.();
      },
    };
  } catch (cause) {
    throw new FsError(
      'fs/services-failed',
      `the services of ${href} could not be opened`,
      { cause },
    );
  }
}

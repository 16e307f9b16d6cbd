import type { BlobService } from '../blob-service/blob-service.ts';
import type { DirectoryService } from '../directory-service/directory-service.ts';
import { invalidAddress, parseAddress } from './grammar.ts';
import type { Address } from './grammar.ts';

/** What an address was opened to. Services that a scheme doesn't have are left out. */
export interface OpenedServices {
  readonly blobs?: BlobService;
  readonly directories?: DirectoryService;
  /** Frees connections, files and locks. */
  close(): Promise<void>;
}

/** Opens the addresses of one scheme. */
export type AddressOpener<Opened> = (address: Address) => Promise<Opened>;

/**
 * Which scheme is opened by what. Nothing is known before it is registered: a program names the backends that it wants in
 * one place. `Opened` may hold more than this package knows of.
 */
export class AddressRegistry<Opened extends OpenedServices = OpenedServices> {
  readonly #openers = new Map<string, AddressOpener<Opened>>();

  /** Registers a scheme, in lower case and without the colon; the last one wins. */
  register(scheme: string, open: AddressOpener<Opened>): this {
    this.#openers.set(scheme, open);
    return this;
  }

  /** The schemes that are known, in the order of their registration. */
  get schemes(): readonly string[] {
    return [...this.#openers.keys()];
  }

  /**
   * Opens an address. Whoever opens, closes.
   *
   * @throws CastoreError `castore/invalid-address`, and what the backend throws
   */
  async open(text: string): Promise<Opened> {
    const address = parseAddress(text);
    const open = this.#openers.get(address.scheme);
    if (open === undefined) {
      throw invalidAddress(
        text,
        `unknown scheme ${address.scheme}; known: ${this.schemes.join(', ')}`,
      );
    }
    return await open(address);
  }
}

/** A registry without schemes. */
export function createRegistry<
  Opened extends OpenedServices = OpenedServices,
>(): AddressRegistry<Opened> {
  return new AddressRegistry();
}

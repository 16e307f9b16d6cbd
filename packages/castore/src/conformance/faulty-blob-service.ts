import type {
  BlobCapabilities,
  BlobReader,
  BlobService,
  BlobStat,
  BlobWriter,
  ByteRange,
  CallOptions,
  GetManyOptions,
  StatOptions,
} from '../blob-service/blob-service.ts';
import type { B3Digest } from '../digest/b3-digest.ts';
import type { Fault } from './fault.ts';

/** Where a blob service can be made to fail; `chunk` is the delivery of each chunk of a read. */
export type BlobCall =
  | 'has'
  | 'stat'
  | 'openRead'
  | 'read'
  | 'chunk'
  | 'write'
  | 'close'
  | 'putMany'
  | 'getMany'
  | 'findMissing';

/** What goes wrong. */
export interface BlobFaults {
  readonly fault?: Fault<BlobCall>;
  /** Changes bytes on their way out. */
  readonly corrupt?: (bytes: Uint8Array) => Uint8Array;
}

/** A blob service that fails, stalls or corrupts where it is told to, for tests of what is built upon one. */
export class FaultyBlobService implements BlobService {
  readonly capabilities: BlobCapabilities;
  readonly #inner: BlobService;
  readonly #faults: BlobFaults;
  #openReaders = 0;
  #openWriters = 0;

  constructor(inner: BlobService, faults: BlobFaults) {
    this.capabilities = inner.capabilities;
    this.#inner = inner;
    this.#faults = faults;
  }

  /** How many readers were opened and not closed. */
  get openReaders(): number {
    return this.#openReaders;
  }

  /** How many writers were opened and neither closed nor aborted. */
  get openWriters(): number {
    return this.#openWriters;
  }

  async has(digest: B3Digest, options?: CallOptions): Promise<boolean> {
    await this.#faults.fault?.('has', options);
    return this.#inner.has(digest, options);
  }

  async stat(
    digest: B3Digest,
    options?: StatOptions,
  ): Promise<BlobStat | undefined> {
    await this.#faults.fault?.('stat', options);
    return this.#inner.stat(digest, options);
  }

  async openRead(
    digest: B3Digest,
    options?: CallOptions,
  ): Promise<BlobReader | undefined> {
    await this.#faults.fault?.('openRead', options);
    const reader = await this.#inner.openRead(digest, options);
    if (reader === undefined) return undefined;
    this.#openReaders++;
    return new FaultyBlobReader(reader, this.#faults, () => {
      this.#openReaders--;
    });
  }

  openWrite(options?: CallOptions): BlobWriter {
    this.#openWriters++;
    const writer = this.#inner.openWrite(options);
    let isOpen = true;
    const end = (): void => {
      if (isOpen) this.#openWriters--;
      isOpen = false;
    };
    return {
      write: async (chunk) => {
        await this.#faults.fault?.('write', options);
        await writer.write(chunk);
      },
      close: async () => {
        await this.#faults.fault?.('close', options);
        const digest = await writer.close();
        end();
        return digest;
      },
      abort: async (reason) => {
        end();
        await writer.abort(reason);
      },
    };
  }

  async putMany(
    blobs: readonly Uint8Array[],
    options?: CallOptions,
  ): Promise<readonly B3Digest[]> {
    await this.#faults.fault?.('putMany', options);
    return this.#inner.putMany(blobs, options);
  }

  async getMany(
    digests: readonly B3Digest[],
    options?: GetManyOptions,
  ): Promise<readonly (Uint8Array | undefined)[]> {
    await this.#faults.fault?.('getMany', options);
    const blobs = await this.#inner.getMany(digests, options);
    const { corrupt } = this.#faults;
    return corrupt === undefined
      ? blobs
      : blobs.map((blob) => blob && corrupt(blob));
  }

  async findMissing(
    digests: readonly B3Digest[],
    options?: CallOptions,
  ): Promise<readonly B3Digest[]> {
    await this.#faults.fault?.('findMissing', options);
    return this.#inner.findMissing(digests, options);
  }
}

class FaultyBlobReader implements BlobReader {
  readonly size: number | undefined;
  readonly #inner: BlobReader;
  readonly #faults: BlobFaults;
  readonly #onClose: () => void;
  #isClosed = false;

  constructor(inner: BlobReader, faults: BlobFaults, onClose: () => void) {
    this.size = inner.size;
    this.#inner = inner;
    this.#faults = faults;
    this.#onClose = onClose;
  }

  async *read(
    range?: ByteRange,
    options?: CallOptions,
  ): AsyncGenerator<Uint8Array> {
    const { fault, corrupt } = this.#faults;
    await fault?.('read', options);
    for await (const chunk of this.#inner.read(range, options)) {
      await fault?.('chunk', options);
      yield corrupt === undefined ? chunk : corrupt(chunk);
    }
  }

  async close(): Promise<void> {
    if (!this.#isClosed) this.#onClose();
    this.#isClosed = true;
    await this.#inner.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

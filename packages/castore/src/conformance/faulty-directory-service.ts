import type { CallOptions } from '../blob-service/blob-service.ts';
import type { B3Digest } from '../digest/b3-digest.ts';
import type {
  DirectoryCapabilities,
  DirectoryPutter,
  DirectoryService,
} from '../directory-service/directory-service.ts';
import type { Directory } from '../node/directory.ts';
import type { Fault } from './fault.ts';

/** Where a directory service can be made to fail; `element` is the delivery of each directory of a recursive get. */
export type DirectoryCall =
  'get' | 'element' | 'put' | 'putterPut' | 'putterClose';

/** A directory service that fails or stalls where it is told to, for tests of what is built upon one. */
export class FaultyDirectoryService implements DirectoryService {
  readonly capabilities: DirectoryCapabilities;
  readonly #inner: DirectoryService;
  readonly #fault: Fault<DirectoryCall>;
  #openPutters = 0;

  constructor(inner: DirectoryService, fault: Fault<DirectoryCall>) {
    this.capabilities = inner.capabilities;
    this.#inner = inner;
    this.#fault = fault;
  }

  /** How many putters were started and neither closed nor aborted. */
  get openPutters(): number {
    return this.#openPutters;
  }

  async get(
    digest: B3Digest,
    options?: CallOptions,
  ): Promise<Directory | undefined> {
    await this.#fault('get', options);
    return this.#inner.get(digest, options);
  }

  async *getRecursive(
    digest: B3Digest,
    options?: CallOptions,
  ): AsyncGenerator<Directory> {
    for await (const directory of this.#inner.getRecursive(digest, options)) {
      await this.#fault('element', options);
      yield directory;
    }
  }

  async put(directory: Directory, options?: CallOptions): Promise<B3Digest> {
    await this.#fault('put', options);
    return this.#inner.put(directory, options);
  }

  putMultipleStart(options?: CallOptions): DirectoryPutter {
    this.#openPutters++;
    const putter = this.#inner.putMultipleStart(options);
    let isOpen = true;
    const end = (): void => {
      if (isOpen) this.#openPutters--;
      isOpen = false;
    };
    return {
      get isClosed() {
        return putter.isClosed;
      },
      put: async (directory) => {
        await this.#fault('putterPut', options);
        await putter.put(directory);
      },
      close: async () => {
        await this.#fault('putterClose', options);
        const digest = await putter.close();
        end();
        return digest;
      },
      abort: async (reason) => {
        end();
        await putter.abort(reason);
      },
    };
  }
}

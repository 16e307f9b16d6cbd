import type {
  BlobReader,
  BlobWriter,
  CallOptions,
} from '../../src/blob-service/blob-service.ts';
import { MemoryBlobService } from '../../src/blob-service/memory.ts';
import { MemoryDirectoryService } from '../../src/directory-service/memory.ts';
import type { DirectoryPutter } from '../../src/directory-service/directory-service.ts';

/** A promise to wait for an event. */
export class Signal<T = void> {
  resolve!: (value: T) => void;
  readonly promise: Promise<T> = new Promise((resolve) => {
    this.resolve = resolve;
  });
}

/** Reports what becomes of its writers and readers. Its blobs never end: a read goes on until it is stopped. */
export class WatchedBlobService extends MemoryBlobService {
  readonly written: Signal = new Signal();
  readonly writerEnd: Signal<'closed' | 'aborted'> = new Signal();
  readonly readerEnd: Signal = new Signal();
  bytesRead = 0;

  override openWrite(options?: CallOptions): BlobWriter {
    const writer = super.openWrite(options);
    return {
      write: async (chunk) => {
        await writer.write(chunk);
        this.written.resolve();
      },
      close: async () => {
        this.writerEnd.resolve('closed');
        return await writer.close();
      },
      abort: async (reason) => {
        this.writerEnd.resolve('aborted');
        await writer.abort(reason);
      },
    };
  }

  override async stat(): Promise<{ size: undefined; chunks: [] }> {
    return { size: undefined, chunks: [] };
  }

  override async openRead(): Promise<BlobReader> {
    const close = async (): Promise<void> => this.readerEnd.resolve();
    const count = (bytes: number): void => {
      this.bytesRead += bytes;
    };
    return {
      size: undefined,
      async *read() {
        for (;;) {
          count(65_536);
          yield new Uint8Array(65_536);
        }
      },
      close,
      [Symbol.asyncDispose]: close,
    };
  }
}

/** Reports what becomes of its putters. */
export class WatchedDirectoryService extends MemoryDirectoryService {
  readonly received: Signal = new Signal();
  readonly putterEnd: Signal<'closed' | 'aborted'> = new Signal();

  override putMultipleStart(options?: CallOptions): DirectoryPutter {
    const putter = super.putMultipleStart(options);
    return {
      isClosed: false,
      put: async (directory) => {
        await putter.put(directory);
        this.received.resolve();
      },
      close: async () => {
        this.putterEnd.resolve('closed');
        return await putter.close();
      },
      abort: async (reason) => {
        this.putterEnd.resolve('aborted');
        await putter.abort(reason);
      },
    };
  }
}

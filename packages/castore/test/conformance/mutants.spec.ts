/** Proves the suites: each of these services has one mistake, of a kind that has been made, and must be found out. */
import { describe, expect, it } from '@jest/globals';
import type {
  BlobReader,
  BlobWriter,
  ByteRange,
  CallOptions,
} from '../../src/blob-service/blob-service.ts';
import { MemoryBlobService } from '../../src/blob-service/memory.ts';
import {
  runBlobServiceConformance,
  runDirectoryServiceConformance,
} from '../../src/conformance/index.ts';
import type { TestRunner } from '../../src/conformance/index.ts';
import type { B3Digest } from '../../src/digest/b3-digest.ts';
import { hashBytes } from '../../src/digest/hasher.ts';
import type { DirectoryPutter } from '../../src/directory-service/directory-service.ts';
import { MemoryDirectoryService } from '../../src/directory-service/memory.ts';
import { SimplePutter } from '../../src/directory-service/simple-putter.ts';
import type { Directory } from '../../src/node/directory.ts';

/** Declares a suite and runs it at once; answers with the name of the first test that fails. */
async function firstFailure(
  declare: (runner: TestRunner) => void,
): Promise<string | undefined> {
  const before: (() => Promise<void> | void)[] = [];
  const after: (() => Promise<void> | void)[] = [];
  const tests: [string, () => Promise<void> | void][] = [];
  declare({
    describe: (_, body) => body(),
    it: (name, body) => void tests.push([name, body]),
    beforeEach: (body) => void before.push(body),
    afterEach: (body) => void after.push(body),
  });
  for (const [name, body] of tests) {
    for (const hook of before) await hook();
    try {
      await body();
    } catch {
      return name;
    }
    for (const hook of after) await hook();
  }
  return undefined;
}

function blobFailure(
  create: () => MemoryBlobService,
): Promise<string | undefined> {
  return firstFailure((runner) =>
    runBlobServiceConformance(runner, {
      name: 'mutant',
      create: async () => create(),
      destroy: async () => {},
      onLeftOut: () => {},
      cut: async (service) => {
        (service as { isCut?: boolean }).isCut = true;
        return service;
      },
    }),
  );
}

class Healthy extends MemoryBlobService {
  isCut = false;

  protected check(): void {
    if (this.isCut)
      throw Object.assign(new Error('cut'), { kind: 'unavailable' });
  }

  override async has(digest: B3Digest, options?: CallOptions) {
    this.check();
    return super.has(digest, options);
  }
  override async stat(digest: B3Digest, options?: CallOptions) {
    this.check();
    return super.stat(digest, options);
  }
  override async openRead(
    digest: B3Digest,
    options?: CallOptions,
  ): Promise<BlobReader | undefined> {
    this.check();
    return super.openRead(digest, options);
  }
  override openWrite(options?: CallOptions): BlobWriter {
    this.check();
    return super.openWrite(options);
  }
  override async putMany(blobs: readonly Uint8Array[], options?: CallOptions) {
    this.check();
    return super.putMany(blobs, options);
  }
  override async getMany(
    digests: readonly B3Digest[],
    options?: CallOptions,
  ): Promise<readonly (Uint8Array | undefined)[]> {
    this.check();
    return super.getMany(digests, options);
  }
  override async findMissing(
    digests: readonly B3Digest[],
    options?: CallOptions,
  ): Promise<readonly B3Digest[]> {
    this.check();
    return super.findMissing(digests, options);
  }
}

/** A service whose writers are changed. */
function withWriter(
  change: (writer: BlobWriter, service: Healthy) => Partial<BlobWriter>,
): new () => Healthy {
  return class extends Healthy {
    override openWrite(options?: CallOptions): BlobWriter {
      const writer = super.openWrite(options);
      return {
        write: (chunk) => writer.write(chunk),
        close: () => writer.close(),
        abort: (reason) => writer.abort(reason),
        ...change(writer, this),
      };
    }
  };
}

/** A service whose readers are changed. */
function withReader(
  change: (reader: BlobReader) => Partial<BlobReader>,
): new () => Healthy {
  return class extends Healthy {
    override async openRead(digest: B3Digest, options?: CallOptions) {
      const reader = await super.openRead(digest, options);
      return (
        reader && {
          size: reader.size,
          read: (range?: ByteRange, readOptions?: CallOptions) =>
            reader.read(range, readOptions),
          close: () => reader.close(),
          [Symbol.asyncDispose]: () => reader.close(),
          ...change(reader),
        }
      );
    }
  };
}

const BLOB_MUTANTS: Record<string, new () => Healthy> = {
  'keeps the chunks of its caller': withWriter((writer) => {
    const kept: Uint8Array[] = [];
    return {
      write: async (chunk) => void kept.push(chunk),
      close: async () => {
        for (const chunk of kept.splice(0)) await writer.write(chunk);
        return writer.close();
      },
    };
  }),
  'takes an empty chunk for the end': withWriter((writer) => {
    let hasEnded = false;
    return {
      write: async (chunk) => {
        hasEnded ||= chunk.length === 0;
        if (!hasEnded) await writer.write(chunk);
      },
    };
  }),
  'stores what was aborted': withWriter((writer) => ({
    abort: async () => void (await writer.close()),
  })),
  'shows what is not closed': withWriter((writer, service) => ({
    write: async (chunk) => {
      await writer.write(chunk);
      await service.putMany([chunk]);
    },
  })),
  'cannot be closed twice': withWriter((writer) => {
    let isClosed = false;
    return {
      close: async () => {
        if (isClosed) throw new Error('closed');
        isClosed = true;
        return writer.close();
      },
    };
  }),
  'takes writes after the end': withWriter((writer) => {
    let isClosed = false;
    return {
      write: async (chunk) => void (isClosed || (await writer.write(chunk))),
      close: async () => {
        isClosed = true;
        return writer.close();
      },
    };
  }),
  'ignores the length of a range': withReader((reader) => ({
    read: (range, options) =>
      reader.read({ offset: range?.offset ?? 0 }, options),
  })),
  'loses the first byte of a range in the middle': withReader((reader) => ({
    read: (range = { offset: 0 }, options) =>
      reader.read(
        range.offset > 70_000 ? { ...range, offset: range.offset + 1 } : range,
        options,
      ),
  })),
  'has one position for all reads': withReader((reader) => {
    let at = 0;
    return {
      read: (range, options) => {
        const offset = range?.offset ?? at;
        at = offset + (range?.length ?? 0);
        return reader.read({ ...range, offset }, options);
      },
    };
  }),
  'reads on after close': withReader(() => ({ close: async () => {} })),
  'goes on after an abort': withReader((reader) => ({
    read: (range) => reader.read(range),
  })),
  'says another reason': class extends Healthy {
    override async has(digest: B3Digest, options?: CallOptions) {
      if (options?.signal?.aborted === true) throw new Error('aborted');
      return super.has(digest, options);
    }
  },
  'takes failure for absence': class extends Healthy {
    override async openRead(digest: B3Digest, options?: CallOptions) {
      return this.isCut ? undefined : super.openRead(digest, options);
    }
  },
  'says that nothing is there when it cannot know': class extends Healthy {
    override async has(digest: B3Digest, options?: CallOptions) {
      return this.isCut ? false : super.has(digest, options);
    }
  },
  'knows the empty blob from the start': class extends Healthy {
    override async has(digest: B3Digest, options?: CallOptions) {
      return (
        digest.equals(hashBytes(new Uint8Array(0))) ||
        super.has(digest, options)
      );
    }
  },
  'leaves out what is missing': class extends Healthy {
    override async getMany(
      digests: readonly B3Digest[],
      options?: CallOptions,
    ) {
      const found = await super.getMany(digests, options);
      return found.filter((blob) => blob !== undefined);
    }
  },
  'takes an empty blob for none': class extends Healthy {
    override async getMany(
      digests: readonly B3Digest[],
      options?: CallOptions,
    ) {
      const found = await super.getMany(digests, options);
      return found.map((blob) => (blob?.length === 0 ? undefined : blob));
    }
  },
  'gives the same bytes to all': class extends Healthy {
    readonly #given = new Map<string, Uint8Array | undefined>();
    override async getMany(
      digests: readonly B3Digest[],
      options?: CallOptions,
    ) {
      const found = await super.getMany(digests, options);
      for (const [i, { key }] of digests.entries())
        if (!this.#given.has(key)) this.#given.set(key, found[i]);
      return digests.map(({ key }) => this.#given.get(key));
    }
  },
  'keeps the buffers of a batch': class extends Healthy {
    readonly #kept = new Map<string, Uint8Array>();
    override async putMany(
      blobs: readonly Uint8Array[],
      options?: CallOptions,
    ) {
      const digests = await super.putMany(blobs, options);
      for (const [i, { key }] of digests.entries())
        this.#kept.set(key, blobs[i]!);
      return digests;
    }
    override async openRead(digest: B3Digest, options?: CallOptions) {
      const kept = this.#kept.get(digest.key);
      const reader = await super.openRead(digest, options);
      if (kept === undefined || reader === undefined) return reader;
      return Object.assign(reader, {
        async *read({ offset, length }: ByteRange = { offset: 0 }) {
          yield kept.slice(offset, offset + (length ?? Infinity));
        },
      });
    }
  },
  'finds what is missing as often as asked': class extends Healthy {
    override async findMissing(digests: readonly B3Digest[]) {
      this.check();
      const missing: B3Digest[] = [];
      for (const digest of digests)
        if (!(await this.has(digest))) missing.push(digest);
      return missing;
    }
  },
};

class Unfussy extends SimplePutter {}

const DIRECTORY_MUTANTS: Record<string, new () => MemoryDirectoryService> = {
  'says it is ordered and is not': class extends MemoryDirectoryService {
    override readonly capabilities = { ordered: true };
  },
  'tells a directory as often as it is referred to': class extends MemoryDirectoryService {
    override async *getRecursive(
      digest: B3Digest,
      options?: CallOptions,
    ): AsyncGenerator<Directory> {
      const directory = (await this.get(digest, options))!;
      yield directory;
      for (const child of directory.directories())
        yield* this.getRecursive(child.digest, options);
    }
  },
  'tells children before their parents': class extends MemoryDirectoryService {
    override async *getRecursive(digest: B3Digest, options?: CallOptions) {
      const all: Directory[] = [];
      for await (const directory of super.getRecursive(digest, options))
        all.push(directory);
      yield* all.reverse();
    }
  },
  'ends quietly where one is missing': class extends MemoryDirectoryService {
    override async *getRecursive(digest: B3Digest, options?: CallOptions) {
      try {
        for await (const directory of super.getRecursive(digest, options))
          yield directory;
      } catch (error) {
        if (options?.signal?.aborted === true) throw error;
      }
    }
  },
  'answers the first digest': class extends MemoryDirectoryService {
    override putMultipleStart(options?: CallOptions): DirectoryPutter {
      const putter = super.putMultipleStart(options);
      let first: B3Digest | undefined;
      return {
        get isClosed() {
          return putter.isClosed;
        },
        put: async (directory) => {
          first ??= directory.digest;
          await putter.put(directory);
        },
        close: async () => (await putter.close(), first!),
        abort: () => putter.abort(),
      };
    }
  },
  'closes again and again': class extends MemoryDirectoryService {
    override putMultipleStart(options?: CallOptions): DirectoryPutter {
      let digest: B3Digest | undefined;
      const putter = new Unfussy(this, options);
      return Object.assign(putter, {
        close: async () =>
          (digest ??= await SimplePutter.prototype.close.call(putter)),
      });
    }
  },
};

describe('the suite for blob services', () => {
  it('has nothing to say of a service without mistakes', async () => {
    expect(await blobFailure(() => new Healthy())).toBeUndefined();
  });

  it.each(Object.keys(BLOB_MUTANTS))('finds out one that %s', async (name) => {
    expect(await blobFailure(() => new BLOB_MUTANTS[name]!())).toBeDefined();
  });
});

describe('the suite for directory services', () => {
  it.each(Object.keys(DIRECTORY_MUTANTS))(
    'finds out one that %s',
    async (name) => {
      const failed = await firstFailure((runner) =>
        runDirectoryServiceConformance(runner, {
          name: 'mutant',
          create: async () => new DIRECTORY_MUTANTS[name]!(),
          destroy: async () => {},
          onLeftOut: () => {},
        }),
      );
      expect(failed).toBeDefined();
    },
  );
});

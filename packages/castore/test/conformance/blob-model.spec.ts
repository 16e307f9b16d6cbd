/** Random sequences of calls, on a service and on a plain map at the same time, must never tell a difference. */
import assert from 'node:assert/strict';
import { describe, it } from '@jest/globals';
import fc from 'fast-check';
import type {
  BlobService,
  BlobWriter,
} from '../../src/blob-service/blob-service.ts';
import { LocalBlobService } from '../../src/blob-service/local.ts';
import { MemoryBlobService } from '../../src/blob-service/memory.ts';
import {
  equalBytes,
  equalDigests,
  readBlob,
} from '../../src/conformance/expect.ts';
import { seededBytes } from '../../src/conformance/random.ts';
import { hashBytes } from '../../src/digest/hasher.ts';
import { openCastoreLoopback } from '../grpc/loopback.ts';
import { TemporaryStore } from '../local-store/temporary-store.ts';

/** The blobs that sequences are about: few, so that they meet again and again. */
const BLOBS = [0, 1, 2, 100, 1024, 70_000, 300_000].map((length, seed) => {
  const contents = seededBytes(length, seed);
  return { contents, digest: hashBytes(contents) };
});

interface Model {
  readonly stored: Set<number>;
  /** For each open writer the blob that it is to become. */
  readonly writers: number[];
}

interface Real {
  blobs: BlobService;
  readonly reopen: () => Promise<BlobService>;
  readonly writers: BlobWriter[];
}

type Command = fc.AsyncCommand<Model, Real>;

const command = (
  name: string,
  run: (model: Model, real: Real) => Promise<void>,
  check: (model: Model) => boolean = () => true,
): Command => ({ check, run, toString: () => name });

const blob = fc.nat({ max: BLOBS.length - 1 });
const manyBlobs = fc.array(blob, { maxLength: 12 });

const hasWriter = (model: Model): boolean => model.writers.length > 0;

const COMMANDS = [
  blob.map((i) =>
    command(`has ${i}`, async (model, { blobs }) =>
      assert.equal(await blobs.has(BLOBS[i]!.digest), model.stored.has(i)),
    ),
  ),
  blob.map((i) =>
    command(`stat ${i}`, async (model, { blobs }) => {
      const stat = await blobs.stat(BLOBS[i]!.digest);
      assert.equal(stat !== undefined, model.stored.has(i));
      if (stat?.size !== undefined)
        assert.equal(stat.size, BLOBS[i]!.contents.length);
    }),
  ),
  fc
    .tuple(blob, fc.nat({ max: 310_000 }), fc.nat({ max: 310_000 }))
    .map(([i, offset, length]) =>
      command(
        `read ${i} from ${offset}, ${length} bytes`,
        async (model, { blobs }) => {
          const { contents, digest } = BLOBS[i]!;
          if (!model.stored.has(i))
            return assert.equal(await blobs.openRead(digest), undefined);
          equalBytes(
            await readBlob(blobs, digest, { offset, length }),
            contents.subarray(offset, offset + length),
          );
        },
      ),
    ),
  manyBlobs.map((is) =>
    command(`put ${is.join()}`, async (model, { blobs }) => {
      equalDigests(
        await blobs.putMany(is.map((i) => BLOBS[i]!.contents)),
        is.map((i) => BLOBS[i]!.digest),
      );
      for (const i of is) model.stored.add(i);
    }),
  ),
  manyBlobs.map((is) =>
    command(`get ${is.join()}`, async (model, { blobs }) => {
      const found = await blobs.getMany(is.map((i) => BLOBS[i]!.digest));
      assert.equal(found.length, is.length);
      for (const [at, i] of is.entries()) {
        if (model.stored.has(i)) equalBytes(found[at], BLOBS[i]!.contents);
        else assert.equal(found[at], undefined);
      }
    }),
  ),
  manyBlobs.map((is) =>
    command(`find missing of ${is.join()}`, async (model, { blobs }) =>
      equalDigests(
        await blobs.findMissing(is.map((i) => BLOBS[i]!.digest)),
        [...new Set(is)]
          .filter((i) => !model.stored.has(i))
          .map((i) => BLOBS[i]!.digest),
      ),
    ),
  ),
  fc.tuple(blob, fc.integer({ min: 1, max: 100_000 })).map(([i, max]) =>
    command(`start to write ${i} in pieces of ${max}`, async (model, real) => {
      const writer = real.blobs.openWrite();
      const { contents } = BLOBS[i]!;
      for (let at = 0; at < contents.length; at += Math.max(max, 500))
        await writer.write(contents.subarray(at, at + Math.max(max, 500)));
      real.writers.push(writer);
      model.writers.push(i);
    }),
  ),
  fc.constant(
    command(
      'close the oldest writer',
      async (model, real) => {
        const i = model.writers.shift()!;
        equalDigests([await real.writers.shift()!.close()], [BLOBS[i]!.digest]);
        model.stored.add(i);
      },
      hasWriter,
    ),
  ),
  fc.constant(
    command(
      'abort the newest writer',
      async (model, real) => {
        model.writers.pop();
        await real.writers.pop()!.abort();
      },
      hasWriter,
    ),
  ),
  fc.constant(
    command('open the store anew', async (model, real) => {
      for (const writer of real.writers.splice(0)) await writer.abort();
      model.writers.length = 0;
      real.blobs = await real.reopen();
    }),
  ),
];

/** Something that serves blobs and can be opened anew. */
interface Backend {
  readonly open: () => Promise<BlobService>;
  readonly close: () => Promise<void>;
}

const BACKENDS: Record<string, () => Promise<Backend>> = {
  memory: async () => {
    const blobs = new MemoryBlobService();
    return { open: async () => blobs, close: async () => {} };
  },
  local: async () => {
    const temporary = await TemporaryStore.create();
    return {
      open: async () => new LocalBlobService(await temporary.reopen()),
      close: () => temporary.destroy(),
    };
  },
  gRPC: async () => {
    const loopback = await openCastoreLoopback();
    return {
      open: async () => loopback.blobs,
      close: async () => loopback[Symbol.asyncDispose](),
    };
  },
};

describe('a blob service and its model', () => {
  it.each(Object.keys(BACKENDS))(
    'agree after any calls: %s',
    async (name) => {
      await fc.assert(
        fc.asyncProperty(
          fc.commands(COMMANDS, { maxCommands: 60, size: 'max' }),
          async (commands) => {
            const backend = await BACKENDS[name]!();
            try {
              const blobs = await backend.open();
              await fc.asyncModelRun(
                () => ({
                  model: { stored: new Set<number>(), writers: [] as number[] },
                  real: {
                    blobs,
                    reopen: backend.open,
                    writers: [] as BlobWriter[],
                  },
                }),
                commands,
              );
            } finally {
              await backend.close();
            }
          },
        ),
        { numRuns: 15, verbose: 1 },
      );
    },
    60_000,
  );
});

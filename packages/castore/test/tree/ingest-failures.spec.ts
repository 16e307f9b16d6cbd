import { describe, expect, it } from '@jest/globals';
import type { BlobService } from '../../src/blob-service/blob-service.ts';
import { BLOB_B, HELLO_WORLD } from '../../src/conformance/fixtures.ts';
import { failAt, stallAt } from '../../src/conformance/faults.ts';
import { hashBytes } from '../../src/digest/hasher.ts';
import type { TreeEvent } from '../../src/tree/event.ts';
import { ingestTree } from '../../src/tree/ingest.ts';
import {
  COMPLICATED,
  directory,
  eventsOf,
  file,
  source,
  text,
} from './trees.ts';

import { createServices } from './faulty-services.ts';

/** A file that is streamed, in pieces. */
const LARGE = file(BLOB_B.contents);

describe('ingestTree, when something fails,', () => {
  /** A source that tells whether it was returned, after events without an end. */
  function endless(start: Iterable<TreeEvent>) {
    const state = { isReturned: false };
    const events = (async function* (): AsyncGenerator<TreeEvent[]> {
      try {
        yield [{ type: 'directory' }];
        yield [{ type: 'entry', name: text('0') }, ...start];
        for (let i = 1; ; i++) {
          yield [
            { type: 'entry', name: Buffer.alloc(i, '1') },
            ...eventsOf(directory({ f: file('small') })),
          ];
        }
      } finally {
        state.isReturned = true;
      }
    })();
    return { events, state };
  }

  const broken = new Error('broken');

  it.each(['putMany', 'write', 'close'] as const)(
    'rejects with the failure of %s, aborts and returns the source',
    async (call) => {
      const services = createServices({ fault: failAt(call, broken) });
      const { events, state } = endless(eventsOf(LARGE, 100_000));
      await expect(ingestTree(events, services)).rejects.toBe(broken);
      expect(state.isReturned).toBe(true);
      expect(services.blobs.openWriters).toBe(call === 'close' ? 1 : 0);
      expect(services.directories.openPutters).toBe(0);
    },
  );

  it('rejects with the failure of a directory put and aborts the putter', async () => {
    const services = createServices({}, failAt('putterPut', broken, 3));
    const { events, state } = endless(eventsOf(directory()));
    await expect(ingestTree(events, services)).rejects.toBe(broken);
    expect(state.isReturned).toBe(true);
    expect(services.directories.openPutters).toBe(0);
  });

  it('rejects with the failure of the last close', async () => {
    const services = createServices({}, failAt('putterClose', broken));
    await expect(ingestTree(source(COMPLICATED), services)).rejects.toBe(
      broken,
    );
    expect(services.directories.openPutters).toBe(0);
  });

  it('rejects with what the source throws, and aborts', async () => {
    const services = createServices();
    const events = (function* (): Generator<TreeEvent[]> {
      yield [{ type: 'directory' }];
      yield [{ type: 'entry', name: text('a') }, ...eventsOf(directory())];
      yield [
        { type: 'entry', name: text('b') },
        ...[...eventsOf(LARGE, 1000)].slice(0, 20),
      ];
      throw broken;
    })();
    await expect(ingestTree(events, services)).rejects.toBe(broken);
    expect(services.blobs.openWriters).toBe(0);
    expect(services.directories.openPutters).toBe(0);
  });

  it('returns the source at a malformed tree', async () => {
    const { events, state } = endless([{ type: 'end' }]);
    await expect(ingestTree(events, createServices())).rejects.toMatchObject({
      code: 'castore/malformed-tree',
    });
    expect(state.isReturned).toBe(true);
  });

  it('rejects a tree that ends early', async () => {
    const events = [...eventsOf(COMPLICATED)].slice(0, -1);
    await expect(ingestTree([events], createServices())).rejects.toMatchObject({
      code: 'castore/malformed-tree',
    });
  });

  it('rejects a small and a large file that come short', async () => {
    for (const contents of [HELLO_WORLD.contents, BLOB_B.contents]) {
      const events = [...eventsOf(file(contents), 6)].slice(0, -1);
      const services = createServices();
      await expect(ingestTree([events], services)).rejects.toMatchObject({
        code: 'castore/wrong-size',
      });
      expect(await services.blobs.has(hashBytes(contents))).toBe(false);
      expect(services.blobs.openWriters).toBe(0);
    }
  });

  it('notices while the source stalls that a put failed', async () => {
    const services = createServices({ fault: failAt('close', broken) });
    const events = (async function* (): AsyncGenerator<TreeEvent[]> {
      yield [...eventsOf(directory({ a: LARGE }))].slice(0, -1);
      await new Promise(() => {});
    })();
    await expect(ingestTree(events, services)).rejects.toBe(broken);
  });

  it('rejects where the putter answers with another root', async () => {
    const { blobs } = createServices();
    const directories = {
      putMultipleStart: () => ({
        isClosed: false,
        put: async () => {},
        close: async () => HELLO_WORLD.digest,
        abort: async () => {},
      }),
    };
    await expect(
      ingestTree(source(directory()), { blobs, directories }),
    ).rejects.toMatchObject({ code: 'castore/protocol' });
  });

  it('rejects where a batch answers with too few digests', async () => {
    const { blobs, directories } = createServices();
    const short: Pick<BlobService, 'putMany' | 'openWrite'> = {
      openWrite: () => blobs.openWrite(),
      putMany: async () => [],
    };
    await expect(
      ingestTree(source(file('x')), { blobs: short, directories }),
    ).rejects.toMatchObject({ code: 'castore/protocol' });
  });
});

describe('ingestTree, when aborted,', () => {
  const reason = new Error('enough');

  it('rejects before it asks the source for anything', async () => {
    let isAsked = false;
    const events = (function* (): Generator<TreeEvent[]> {
      isAsked = true;
      yield [];
    })();
    await expect(
      ingestTree(events, createServices(), {
        signal: AbortSignal.abort(reason),
      }),
    ).rejects.toBe(reason);
    expect(isAsked).toBe(false);
  });

  it('leaves a source that stalls', async () => {
    const controller = new AbortController();
    const events = (async function* (): AsyncGenerator<TreeEvent[]> {
      yield [{ type: 'directory' }];
      controller.abort(reason);
      await new Promise(() => {});
    })();
    await expect(ingestTree(events, createServices(), controller)).rejects.toBe(
      reason,
    );
  });

  it.each(['putMany', 'write', 'close'] as const)(
    'ends a %s that stalls',
    async (call) => {
      const stall = stallAt(call);
      const services = createServices({ fault: stall.fault });
      const controller = new AbortController();
      const ingested = ingestTree(
        source(directory({ a: file('small'), b: LARGE })),
        services,
        controller,
      );
      void stall.isStalled.then(() => controller.abort(reason));
      await expect(ingested).rejects.toBe(reason);
    },
  );
});

import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { hashBytes } from '../../src/digest/hasher.ts';
import { CastoreError } from '../../src/errors.ts';
import { nodeFileSystem } from '../../src/local-store/file-system.ts';
import { LmdbIndex } from '../../src/local-store/index/lmdb-index.ts';
import type { LocalStore } from '../../src/local-store/local-store.ts';
import {
  type LocalStoreOptions,
  openLocalStore,
} from '../../src/local-store/open/open-local-store.ts';
import { RecordKind } from '../../src/local-store/packs/record.ts';
import { indexWithCommit } from './index-with-commit.ts';

const options: LocalStoreOptions = { reserveBytes: 0 };

let directory: string;
let store: LocalStore;

beforeEach(async () => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'local-store-'));
  store = await openLocalStore(directory, options);
});

afterEach(async () => {
  await store.close();
  fs.rmSync(directory, { recursive: true });
});

async function reopen(more: LocalStoreOptions = {}): Promise<void> {
  await store.close();
  store = await openLocalStore(directory, { ...options, ...more });
}

function chunk(bytes: Uint8Array): {
  kind: typeof RecordKind.chunk;
  key: Uint8Array;
  bytes: Uint8Array;
} {
  return { kind: RecordKind.chunk, key: hashBytes(bytes).bytes, bytes };
}

const text = chunk(Buffer.from('some text that compresses. '.repeat(100)));
const noise = chunk(randomBytes(100_000));
const empty = chunk(new Uint8Array(0));

describe('LocalStore', () => {
  it('gives back what was put, also after it was reopened', async () => {
    await store.put([text, noise, empty]);
    for (const readOnly of [undefined, false, true]) {
      if (readOnly !== undefined) await reopen({ readOnly });
      for (const { kind, key, bytes } of [text, noise, empty]) {
        expect(store.has(kind, key)).toBe(true);
        expect(store.rawLength(kind, key)).toBe(bytes.length);
        expect(Buffer.compare(store.read(kind, key)!, bytes)).toBe(0);
      }
    }
  });

  it('knows nothing of what was not put', () => {
    expect(store.has(text.kind, text.key)).toBe(false);
    expect(store.read(text.kind, text.key)).toBeUndefined();
  });

  it('tells kinds apart that share a key', async () => {
    await store.put([text]);
    expect(store.has(RecordKind.directory, text.key)).toBe(false);
  });

  it('stores content once, whether it is there already, on its way, or twice in one call', async () => {
    const once = async (): Promise<number> => {
      await reopen();
      return fs
        .readdirSync(path.join(directory, 'packs'), { recursive: true })
        .map((name) => path.join(directory, 'packs', String(name)))
        .filter((name) => name.endsWith('.pack'))
        .reduce((sum, name) => sum + fs.statSync(name).size, 0);
    };
    await store.put([noise]);
    const size = await once();
    await Promise.all([
      store.put([noise, noise]),
      store.put([text, text]),
      store.put([text]),
    ]);
    const withText = await once();
    expect(withText - size).toBeLessThan(text.bytes.length);
    await store.put([text, noise, text]);
    expect(await once()).toBe(withText);
  });

  it('takes records again whose put failed at a look into the index', async () => {
    let broken: Uint8Array | undefined;
    await reopen({
      openIndex: (directory, options) => {
        const index = LmdbIndex.open(directory, options);
        return {
          ...indexWithCommit(index, (...args) => index.commit(...args)),
          get(key) {
            if (
              broken !== undefined &&
              Buffer.from(key).includes(Buffer.from(broken))
            )
              throw new CastoreError('castore/io', 'broken');
            return index.get(key);
          },
        };
      },
    });
    broken = noise.key;
    await expect(store.put([text, noise])).rejects.toMatchObject({
      code: 'castore/io',
    });
    broken = undefined;
    await store.put([text, noise]);
    expect(store.has(text.kind, text.key)).toBe(true);
  });

  it.each(['get', 'put', 'entries'] as const)(
    'refuses %s of a table after it was closed',
    async (call) => {
      const table = store.table('things');
      await table.put(Buffer.from('a'), text.bytes);
      const calls = {
        get: async () => table.get(Buffer.from('a')),
        put: () => table.put(Buffer.from('a'), text.bytes),
        entries: async () => {
          for await (const entry of table.entries()) return entry;
          return undefined;
        },
      };
      await store.close();
      await expect(calls[call]()).rejects.toMatchObject({
        code: 'castore/closed',
      });
    },
  );

  it("keeps none of the caller's bytes", async () => {
    const bytes = Buffer.from('will be overwritten '.repeat(2000));
    const record = chunk(Buffer.from(bytes));
    const { durable } = await store.submit([record]);
    record.bytes.fill(0);
    await durable;
    expect(Buffer.compare(store.read(record.kind, record.key)!, bytes)).toBe(0);
  });

  it('seals packs that reach their target and begins new ones', async () => {
    await reopen({ packTargetBytes: 200_000 });
    const records = Array.from({ length: 10 }, () =>
      chunk(randomBytes(90_000)),
    );
    for (const record of records) await store.put([record]);
    const shards = fs.readdirSync(path.join(directory, 'packs'));
    expect(shards.length).toBeGreaterThan(2);
    await reopen();
    for (const { kind, key, bytes } of records)
      expect(Buffer.compare(store.read(kind, key)!, bytes)).toBe(0);
  });

  it('refuses packs that are larger than a place in them can be told', async () => {
    const more = { packTargetBytes: 2 ** 35 };
    await expect(
      openLocalStore(path.join(directory, 'large'), { ...options, ...more }),
    ).rejects.toThrow(RangeError);
    expect(fs.existsSync(path.join(directory, 'large'))).toBe(false);
  });

  it('refuses writes where it is open for reading alone', async () => {
    await reopen({ readOnly: true });
    await expect(store.put([text])).rejects.toMatchObject({
      code: 'castore/store-read-only',
      message: expect.stringContaining("directory can't be written to"),
    });
    await expect(
      store.table('things').put(Buffer.from('a'), text.bytes),
    ).rejects.toMatchObject({ code: 'castore/store-read-only' });
  });

  it('lets a reader see what a writer added since it was opened', async () => {
    const reader = await openLocalStore(directory, { readOnly: true });
    try {
      expect(reader.has(noise.kind, noise.key)).toBe(false);
      await store.put([noise]);
      await new Promise(setImmediate);
      expect(
        Buffer.compare(reader.read(noise.kind, noise.key)!, noise.bytes),
      ).toBe(0);
    } finally {
      await reader.close();
    }
  });

  it('refuses everything once it is closed', async () => {
    await store.close();
    expect(() => store.read(text.kind, text.key)).toThrow(
      expect.objectContaining({ code: 'castore/closed' }),
    );
    await expect(store.put([text])).rejects.toMatchObject({
      code: 'castore/closed',
    });
  });

  it('lets go of everything, though a part of it fails', async () => {
    await store.close();
    const eio = Object.assign(new Error('EIO'), { code: 'EIO' });
    let closesFail = false;
    let isIndexOpen = true;
    const failing = await openLocalStore(directory, {
      ...options,
      fileSystem: {
        ...nodeFileSystem,
        closeSync(fd) {
          nodeFileSystem.closeSync(fd);
          if (closesFail) throw eio;
        },
      },
      openIndex: (...args) => {
        const index = LmdbIndex.open(...args);
        const close = index.close.bind(index);
        index.close = async () => {
          await close();
          isIndexOpen = false;
        };
        return index;
      },
    });
    await failing.put([text]);
    closesFail = true;
    await expect(failing.close()).rejects.toBe(eio);
    expect(isIndexOpen).toBe(false);
    await reopen();
    expect(store.has(text.kind, text.key)).toBe(true);
  });

  it('refuses a second opener and names the holder', async () => {
    await expect(openLocalStore(directory, options)).rejects.toMatchObject({
      code: 'castore/store-locked',
      message: expect.stringContaining(`process ${process.pid}`),
    });
  });
});

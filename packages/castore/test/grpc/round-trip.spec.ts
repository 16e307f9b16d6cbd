import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { hashBytes } from '../../src/digest/hasher.ts';
import { Directory } from '../../src/node/directory.ts';
import { pathComponent } from '../../src/path/path-component.ts';
import { collect, openCastoreLoopback, patternBytes } from './loopback.ts';

describe.each(['unix', 'tcp'] as const)('a loopback over %s', (transport) => {
  let loopback: Awaited<ReturnType<typeof openCastoreLoopback>>;
  beforeEach(async () => {
    loopback = await openCastoreLoopback({}, transport);
  });
  afterEach(async () => {
    await loopback[Symbol.asyncDispose]();
  });

  it('carries blobs there and back', async () => {
    const { blobs } = loopback;
    for (const length of [0, 1, 255, 256 * 1024, 256 * 1024 + 1, 5_000_000]) {
      const contents = patternBytes(length);
      const writer = blobs.openWrite();
      await writer.write(contents);
      const digest = await writer.close();
      expect(digest.toHex()).toBe(hashBytes(contents).toHex());
      expect(await blobs.has(digest)).toBe(true);
      const reader = await blobs.openRead(digest);
      expect(reader?.size).toBe(length);
      expect(Buffer.compare(await collect(reader!.read()), contents)).toBe(0);
      await reader!.close();
    }
  });

  it('keeps blobs apart that are read at the same time', async () => {
    const { blobs } = loopback;
    const contents = Array.from({ length: 6 }, (_, seed) =>
      patternBytes(2_500_000).map((byte) => byte ^ (seed * 37)),
    );
    const digests = [];
    for (const blob of contents) {
      const writer = blobs.openWrite();
      await writer.write(blob);
      digests.push(await writer.close());
    }
    const read = await Promise.all(
      digests.map(async (digest) => {
        const reader = await blobs.openRead(digest);
        return await collect(reader!.read());
      }),
    );
    for (const [index, blob] of read.entries())
      expect(Buffer.compare(blob, contents[index]!)).toBe(0);
  });

  it('answers at length while an upload is under way', async () => {
    const { blobs } = loopback;
    const contents = patternBytes(300_000);
    const [digest] = await blobs.putMany([contents]);
    const writer = blobs.openWrite();
    // More than a socket takes, both ways at once, and never a look at what the other side does in between.
    for (let at = 0; at < contents.length; at += 50_000)
      await writer.write(contents.subarray(at, at + 50_000));
    const found = await Promise.all(
      Array.from({ length: 20 }, () => blobs.getMany([digest!])),
    );
    for (const [blob] of found) expect(blob).toHaveLength(contents.length);
    expect((await writer.close()).toHex()).toBe(digest!.toHex());
  });

  it('carries directories there and back', async () => {
    const { directories } = loopback;
    const a = Directory.EMPTY;
    const b = Directory.fromEntries([
      {
        name: pathComponent('a'),
        node: { type: 'directory', digest: a.digest, size: a.size },
      },
    ]);
    const putter = directories.putMultipleStart();
    await putter.put(a);
    await putter.put(b);
    expect((await putter.close()).toHex()).toBe(b.digest.toHex());
    expect((await directories.get(b.digest))?.digest.toHex()).toBe(
      b.digest.toHex(),
    );
    const tree: string[] = [];
    for await (const directory of directories.getRecursive(b.digest))
      tree.push(directory.digest.toHex());
    expect(tree).toEqual([b.digest.toHex(), a.digest.toHex()]);
  });

  it('says that what is absent is absent', async () => {
    const digest = hashBytes(patternBytes(3));
    expect(await loopback.blobs.has(digest)).toBe(false);
    expect(await loopback.blobs.stat(digest)).toBeUndefined();
    expect(await loopback.blobs.openRead(digest)).toBeUndefined();
    expect(await loopback.directories.get(digest)).toBeUndefined();
  });
});

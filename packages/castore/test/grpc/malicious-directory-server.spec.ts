import { describe, expect, it } from '@jest/globals';
import { ServerError, Status } from 'nice-grpc';
import type { ServiceImplementation } from 'nice-grpc';
import { FastDirectoryServiceDefinition } from '../../src/grpc/index.ts';
import { Directory } from '../../src/node/directory.ts';
import { directoryOf } from './directories.ts';
import { openLoopback } from './loopback.ts';
import type { Loopback } from './loopback.ts';

type DirectoryServer = ServiceImplementation<
  typeof FastDirectoryServiceDefinition
>;

function serveDirectories(
  methods: Partial<DirectoryServer>,
): Promise<Loopback> {
  return openLoopback((server) =>
    server.add(FastDirectoryServiceDefinition, {
      get: async function* () {
        yield { encoded: new Uint8Array(0) };
      },
      put: async () => ({ rootDigest: new Uint8Array(32) }),
      ...methods,
    }),
  );
}

/** Sends directories, whatever was asked. */
function sending(
  ...directories: readonly Directory[]
): Partial<DirectoryServer> {
  return {
    get: async function* () {
      for (const directory of directories)
        yield { encoded: directory.encode() };
    },
  };
}

async function walk(
  { directories }: Loopback,
  root: Directory,
): Promise<string[]> {
  const received: string[] = [];
  for await (const { digest } of directories.getRecursive(root.digest))
    received.push(digest.toHex());
  return received;
}

describe('a client of directories', () => {
  const [x, y] = [
    directoryOf({ x: Directory.EMPTY }),
    directoryOf({ y: Directory.EMPTY }),
  ];

  it('does not take another directory than it asked for', async () => {
    await using loopback = await serveDirectories(sending(x));
    await expect(loopback.directories.get(y.digest)).rejects.toMatchObject({
      code: 'castore/corrupt-directory',
    });
  });

  it('does not take silence for absence', async () => {
    await using loopback = await serveDirectories(sending());
    await expect(loopback.directories.get(y.digest)).rejects.toMatchObject({
      code: 'castore/protocol',
    });
  });

  it('does not take an invalid directory', async () => {
    await using loopback = await serveDirectories({
      get: async function* () {
        yield { encoded: Uint8Array.of(0x0a, 0x00) };
      },
    });
    await expect(loopback.directories.get(y.digest)).rejects.toMatchObject({
      code: 'castore/corrupt-directory',
      cause: expect.objectContaining({ code: 'castore/invalid-node' }),
    });
  });

  it('takes a tree in which a later directory refers to an earlier one', async () => {
    const leaf = directoryOf({ leaf: Directory.EMPTY });
    const above = directoryOf({ leaf });
    const root = directoryOf({ above, leaf });
    await using loopback = await serveDirectories(
      sending(root, leaf, above, Directory.EMPTY),
    );
    expect(await walk(loopback, root)).toEqual(
      [root, leaf, above, Directory.EMPTY].map(({ digest }) => digest.toHex()),
    );
  });

  it.each([
    ['a root that was not asked for', [y, Directory.EMPTY]],
    ['a directory that nothing refers to', [x, y]],
    ['a directory twice', [x, Directory.EMPTY, Directory.EMPTY]],
    ['a child before its parent', [Directory.EMPTY, x]],
    ['less than the whole tree', [x]],
    ['nothing', []],
  ])('does not take %s', async (_what, sent) => {
    await using loopback = await serveDirectories(sending(...sent));
    await expect(walk(loopback, x)).rejects.toMatchObject({
      code: 'castore/protocol',
    });
  });

  it('finds out which directory of a tree a server does not have', async () => {
    await using loopback = await serveDirectories({
      get: async function* ({ recursive }) {
        if (!recursive) throw new ServerError(Status.NOT_FOUND, 'absent');
        yield { encoded: x.encode() };
        throw new ServerError(Status.INTERNAL, 'whatever');
      },
    });
    await expect(walk(loopback, x)).rejects.toMatchObject({
      code: 'castore/directory-not-found',
      details: { digest: Directory.EMPTY.digest },
    });
  });

  it('leaves a failure one where the directory is there', async () => {
    await using loopback = await serveDirectories({
      get: async function* ({ recursive }) {
        if (recursive) throw new ServerError(Status.INTERNAL, 'disk on fire');
        yield { encoded: x.encode() };
      },
    });
    await expect(walk(loopback, x)).rejects.toMatchObject({
      code: 'castore/remote',
      message: expect.stringContaining('disk on fire'),
    });
  });

  it('does not believe in another root than it put last', async () => {
    await using loopback = await serveDirectories({});
    await expect(
      loopback.directories.put(Directory.EMPTY),
    ).rejects.toMatchObject({ code: 'castore/protocol' });
  });

  it('does not send what breaks the order', async () => {
    await using loopback = await serveDirectories({});
    const putter = loopback.directories.putMultipleStart();
    await expect(putter.put(x)).rejects.toMatchObject({
      code: 'castore/child-not-sent',
    });
    expect(putter.isClosed).toBe(true);
    await expect(putter.close()).rejects.toMatchObject({
      code: 'castore/closed',
    });
  });

  it('opens no stream for a putter that is never used', async () => {
    let calls = 0;
    await using loopback = await serveDirectories({
      put: async () => {
        calls++;
        return { rootDigest: new Uint8Array(32) };
      },
    });
    const putter = loopback.directories.putMultipleStart();
    await expect(putter.close()).rejects.toMatchObject({
      code: 'castore/nothing-put',
    });
    await putter.abort();
    // What the server saw before this answer it saw.
    await expect(
      loopback.directories.put(Directory.EMPTY),
    ).rejects.toMatchObject({ code: 'castore/protocol' });
    expect(calls).toBe(1);
  });
});

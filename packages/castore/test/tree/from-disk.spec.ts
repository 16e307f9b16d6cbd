import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';
import { MemoryBlobService } from '../../src/blob-service/memory.ts';
import {
  DIRECTORY_COMPLICATED,
  HELLO_WORLD,
} from '../../src/conformance/fixtures.ts';
import { seededBytes } from '../../src/conformance/random.ts';
import { hashBytes } from '../../src/digest/hasher.ts';
import { MemoryDirectoryService } from '../../src/directory-service/memory.ts';
import type { IngestEvent, TreeEvent } from '../../src/tree/event.ts';
import type { FileIdentity } from '../../src/tree/known-files.ts';
import {
  changesFromDisk,
  treeFromDisk,
  treeFromDiskSync,
} from '../../src/tree/from-disk.ts';
import { ingestTree } from '../../src/tree/ingest.ts';
import { useTemporaryDirectory } from './temporary-directory.ts';
import { directory, file, summary, symlink, text, treeOf } from './trees.ts';

const temporary = useTemporaryDirectory();
const openDescriptors = (): number => readdirSync('/proc/self/fd').length;

function ingestPath(path: string) {
  return ingestTree(treeFromDisk(path), {
    blobs: new MemoryBlobService(),
    directories: new MemoryDirectoryService(),
  });
}

async function failure(path: string | Uint8Array): Promise<unknown> {
  try {
    for await (const batch of treeFromDisk(path)) void batch;
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('treeFromDisk', () => {
  it('gives the known node of a symbolic link', async () => {
    const path = join(temporary(), 'link');
    symlinkSync('/nix/store/somewhereelse', path);
    expect(await ingestPath(path)).toEqual({
      type: 'symlink',
      target: text('/nix/store/somewhereelse'),
    });
  });

  it('gives the known node of a file', async () => {
    const path = join(temporary(), 'file');
    writeFileSync(path, 'Hello World!');
    expect(await ingestPath(path)).toEqual({
      type: 'file',
      digest: HELLO_WORLD.digest,
      size: 12n,
      executable: false,
    });
  });

  it('gives the known node of a complicated directory', async () => {
    writeFileSync(join(temporary(), '.keep'), '');
    symlinkSync('/nix/store/somewhereelse', join(temporary(), 'aa'));
    mkdirSync(join(temporary(), 'keep'));
    writeFileSync(join(temporary(), 'keep', '.keep'), '');
    expect(await ingestPath(temporary())).toMatchObject({
      type: 'directory',
      digest: DIRECTORY_COMPLICATED.digest,
    });
  });

  it('looks at the owner alone to tell whether a file is executable', async () => {
    for (const [name, mode] of [
      ['a', 0o500],
      ['b', 0o455],
      ['c', 0o744],
    ] as const) {
      writeFileSync(join(temporary(), name), name);
      chmodSync(join(temporary(), name), mode);
    }
    expect(await treeOf(treeFromDisk(temporary()))).toEqual(
      directory({ a: file('a', true), b: file('b'), c: file('c', true) }),
    );
  });

  it('orders names by their bytes, not by their characters', async () => {
    const names = [
      [0x61],
      [0x61, 0x2d],
      [0x61, 0x2e],
      [0x61, 0xff],
      [0xef, 0xbf, 0xbd],
      [0xf0, 0x9f, 0x98, 0x80],
      [0xfe],
    ].map((name) => Buffer.from(name));
    for (const name of [...names].reverse())
      writeFileSync(
        Buffer.concat([Buffer.from(`${temporary()}/`), name]),
        name,
      );
    expect(await treeOf(treeFromDisk(temporary()))).toEqual({
      type: 'directory',
      entries: names.map((name) => [
        Uint8Array.from(name),
        file(Uint8Array.from(name)),
      ]),
    });
  });

  it('gives the bytes of links as they are, also where they lead nowhere or to themselves', async () => {
    symlinkSync('b', join(temporary(), 'a'));
    symlinkSync('a', join(temporary(), 'b'));
    symlinkSync(Buffer.from([0xff, 0x2f]), join(temporary(), 'c'));
    symlinkSync('.', join(temporary(), 'd'));
    expect(await treeOf(treeFromDisk(temporary()))).toEqual({
      type: 'directory',
      entries: [
        [text('a'), symlink('b')],
        [text('b'), symlink('a')],
        [text('c'), { type: 'symlink', target: Uint8Array.of(0xff, 0x2f) }],
        [text('d'), symlink('.')],
      ],
    });
  });

  it.each([
    0, 1, 131071, 131072, 131073, 1048575, 1048576, 1048577, 3145728, 3145731,
  ])('reads files of %d bytes, with small ones around them', async (size) => {
    const contents = seededBytes(size, size);
    const small = seededBytes(700, 1);
    writeFileSync(join(temporary(), 'a'), small);
    writeFileSync(join(temporary(), 'b'), contents);
    writeFileSync(join(temporary(), 'c'), small);
    expect(summary(await treeOf(treeFromDisk(temporary())))).toEqual(
      summary(directory({ a: file(small), b: file(contents), c: file(small) })),
    );
  });

  it('tells no batch of over a MiB', () => {
    for (let i = 0; i < 40; i++)
      writeFileSync(
        join(temporary(), `${i}`),
        new Uint8Array(i === 20 ? 5 * 1024 * 1024 : 131072 - i * 64),
      );
    for (const batch of treeFromDiskSync(temporary())) {
      let bytes = 0;
      for (const event of batch)
        if (event.type === 'data') bytes += event.bytes.length;
      expect(bytes).toBeLessThanOrEqual(1024 * 1024);
    }
  });

  it('tells known files by their digests, and reads the others', async () => {
    writeFileSync(join(temporary(), 'a'), 'known', { mode: 0o755 });
    writeFileSync(join(temporary(), 'b'), 'unknown');
    symlinkSync('a', join(temporary(), 'c'));
    const { ino } = statSync(join(temporary(), 'a'));
    const digest = hashBytes(Buffer.from('known'));
    const known = {
      find: (found: FileIdentity) => (found.ino === ino ? digest : undefined),
    };
    const events: IngestEvent[] = [];
    for await (const batch of changesFromDisk(temporary(), known))
      events.push(...batch);
    expect(events).toContainEqual({
      type: 'stored',
      executable: true,
      size: 5n,
      digest,
    });
    const services = {
      blobs: new MemoryBlobService(),
      directories: new MemoryDirectoryService(),
    };
    expect(await ingestTree([events], services)).toEqual(
      await ingestPath(temporary()),
    );
  });

  it('tells which file can not be reached where others are known', async () => {
    const path = join(temporary(), 'sub');
    mkdirSync(path);
    for (const name of ['a', 'b']) writeFileSync(join(path, name), name);
    const known = {
      find: () => {
        renameSync(path, `${path}.old`);
        writeFileSync(path, '');
        return hashBytes(Buffer.from('a'));
      },
    };
    const walk = async (): Promise<void> => {
      for await (const batch of changesFromDisk(temporary(), known)) void batch;
    };
    await expect(walk()).rejects.toMatchObject({
      code: 'castore/unable-to-open',
      details: { path: Buffer.from(join(path, 'b')) },
    });
  });

  it('identifies files only when a change would show', () => {
    const identities = (): unknown[] =>
      [...treeFromDiskSync(temporary())]
        .flat()
        .flatMap((event) => (event.type === 'regular' ? event.identity : []));
    const path = join(temporary(), 'a');
    writeFileSync(path, 'fresh');
    expect(identities()).toEqual([undefined]);
    const { dev, ino, size, mtimeMs, ctimeMs } = statSync(path);
    const now = jest.spyOn(Date, 'now').mockReturnValue(ctimeMs + 60_000);
    try {
      expect(identities()).toEqual([{ dev, ino, size, mtimeMs, ctimeMs }]);
    } finally {
      now.mockRestore();
    }
  });

  it('reads all into one buffer where it may', () => {
    for (const name of ['a', 'b', 'c'])
      writeFileSync(join(temporary(), name), new Uint8Array(900_000));
    const options = { reusesBuffer: true };
    const buffers = [...treeFromDiskSync(temporary(), options)]
      .flat()
      .flatMap((event) => (event.type === 'data' ? [event.bytes.buffer] : []));
    expect(new Set(buffers).size).toBe(1);
  });

  it('does not change bytes that it has given', () => {
    for (const name of ['a', 'b', 'c'])
      writeFileSync(
        join(temporary(), name),
        seededBytes(900_000, name.charCodeAt(0)),
      );
    const pieces = [...treeFromDiskSync(temporary())]
      .flat()
      .flatMap((event) => (event.type === 'data' ? [event.bytes] : []));
    const expected = ['a', 'b', 'c'].map((name) =>
      seededBytes(900_000, name.charCodeAt(0)),
    );
    expect(Buffer.concat(pieces).equals(Buffer.concat(expected))).toBe(true);
  });

  it('reads trees deeper than any path can be', async () => {
    const levels = 120;
    const name = 'd'.repeat(100);
    // A shell can go where no path reaches.
    execFileSync('sh', [
      '-c',
      `cd "$1" && i=0 && while [ $i -lt ${levels} ]; do mkdir ${name} && cd -P ${name} || exit 1; i=$((i+1)); done && echo deep > file && ln -s target link`,
      'sh',
      temporary(),
    ]);
    const before = openDescriptors();
    let expected = directory({ file: file('deep\n'), link: symlink('target') });
    for (let i = 0; i < levels; i++) expected = directory({ [name]: expected });
    expect(await treeOf(treeFromDisk(temporary()))).toEqual(expected);
    expect(openDescriptors()).toBe(before);
  });

  it('takes the path as bytes', async () => {
    const path = Buffer.concat([
      Buffer.from(`${temporary()}/`),
      Buffer.from([0xff]),
    ]);
    writeFileSync(path, 'x');
    expect(await treeOf(treeFromDisk(path))).toEqual(file('x'));
  });

  it('rejects a path that does not exist', async () => {
    const path = join(temporary(), 'missing');
    expect(await failure(path)).toMatchObject({
      code: 'castore/unable-to-open',
      message: expect.stringContaining(path) as unknown,
      cause: { code: 'ENOENT' },
      details: { path: Buffer.from(path) },
    });
  });

  it('rejects pipes and sockets by their path, without waiting for anybody', async () => {
    const pipe = join(temporary(), 'sub', 'pipe');
    mkdirSync(join(temporary(), 'sub'));
    execFileSync('mkfifo', [pipe]);
    expect(await failure(temporary())).toMatchObject({
      code: 'castore/unsupported-file-type',
      details: { path: Buffer.from(pipe) },
    });
    expect(await failure(pipe)).toMatchObject({
      code: 'castore/unsupported-file-type',
    });
    const socket = join(temporary(), 'socket');
    const server = createServer().listen(socket);
    await once(server, 'listening');
    expect(await failure(socket)).toMatchObject({
      code: 'castore/unsupported-file-type',
    });
    server.close();
    expect(await failure('/dev/null')).toMatchObject({
      code: 'castore/unsupported-file-type',
    });
  });

  it('rejects a file that says it is empty but is not', async () => {
    expect(await failure('/proc/self/cmdline')).toMatchObject({
      code: 'castore/file-changed',
    });
  });

  it('ends with the reason of the signal, between two batches', async () => {
    writeFileSync(join(temporary(), 'a'), new Uint8Array(4 * 1024 * 1024));
    const before = openDescriptors();
    const controller = new AbortController();
    const reason = new Error('enough');
    const seen: (readonly TreeEvent[])[] = [];
    await expect(
      (async () => {
        for await (const batch of treeFromDisk(temporary(), controller)) {
          seen.push(batch);
          controller.abort(reason);
        }
      })(),
    ).rejects.toBe(reason);
    expect(seen).toHaveLength(1);
    expect(openDescriptors()).toBe(before);
  });

  it('closes what is open when it is left early', async () => {
    writeFileSync(join(temporary(), 'a'), new Uint8Array(4 * 1024 * 1024));
    const before = openDescriptors();
    for await (const batch of treeFromDisk(temporary())) {
      expect(batch.length).toBeGreaterThan(0);
      break;
    }
    expect(openDescriptors()).toBe(before);
  });

  it('gives the event loop a turn after each batch', async () => {
    writeFileSync(join(temporary(), 'a'), new Uint8Array(4 * 1024 * 1024));
    let turns = 0;
    let batches = 0;
    const count = (): void => {
      turns++;
      immediate = setImmediate(count);
    };
    let immediate = setImmediate(count);
    for await (const batch of treeFromDisk(temporary())) {
      expect(batch).toBeDefined();
      batches++;
    }
    clearImmediate(immediate);
    expect(batches).toBeGreaterThanOrEqual(4);
    expect(turns).toBeGreaterThanOrEqual(batches);
  });
});

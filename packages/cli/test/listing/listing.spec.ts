import { describe, expect, it } from '@jest/globals';
import {
  Directory,
  MemoryBlobService,
  MemoryDirectoryService,
  ingestTree,
  pathComponent,
  symlinkTarget,
} from '@tvix/castore';
import type { DirectoryLookup, Node, TreeEvent } from '@tvix/castore';
import { listNar, parseNar, writeNar } from '@tvix/nar';
import type { ParsedNarEvent } from '@tvix/nar';
import { castoreListing } from '../../src/listing/castore.ts';
import type { ListingEvents } from '../../src/listing/entry.ts';
import { jsonListing } from '../../src/listing/json.ts';
import { nodeInArchive } from '../../src/listing/nar.ts';
import { printTextListing } from '../../src/listing/text.ts';
import type { Output } from '../../src/output.ts';

const name = (text: string): TreeEvent => ({
  type: 'entry',
  name: Buffer.from(text, 'latin1'),
});
const file = (text: string, executable = false): TreeEvent[] => [
  { type: 'regular', executable, size: BigInt(text.length) },
  ...(text === '' ? [] : [{ type: 'data' as const, bytes: Buffer.from(text) }]),
];

/** A tree with every shape that a listing may meet. */
const TREE: readonly TreeEvent[] = [
  { type: 'directory' },
  name('bin'),
  { type: 'directory' },
  name('empty'),
  { type: 'directory' },
  { type: 'end' },
  name('run'),
  ...file('#!', true),
  { type: 'end' },
  name('link'),
  { type: 'symlink', target: Buffer.from('bin/run') },
  name('od\bd\xff'),
  ...file(''),
  { type: 'end' },
];

async function archive(): Promise<Uint8Array[]> {
  return collect(writeNar([TREE]));
}

async function archiveEvents(): Promise<
  AsyncIterable<readonly ParsedNarEvent[]>
> {
  return parseNar(await archive());
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

async function json(events: ListingEvents, recursive = true): Promise<string> {
  return (await collect(jsonListing(events, { recursive }))).join('');
}

async function text(
  events: ListingEvents,
  { recursive = true, long = false } = {},
): Promise<string[]> {
  const lines: string[] = [];
  const output = {
    line: async (line: Uint8Array) =>
      void lines.push(Buffer.from(line).toString('latin1')),
  } as unknown as Output;
  const options = { name: Buffer.from('root'), recursive, long };
  await printTextListing(events, output, options);
  return lines;
}

async function stored(): Promise<{
  node: Node;
  directories: MemoryDirectoryService;
}> {
  const directories = new MemoryDirectoryService();
  const node = await ingestTree([TREE], {
    blobs: new MemoryBlobService(),
    directories,
  });
  return { node, directories };
}

describe('a listing as JSON', () => {
  for (const recursive of [true, false])
    it(`of an archive is what listNar prints, ${recursive ? 'recursive' : 'shallow'}`, async () => {
      const expected = Buffer.concat(
        await collect(listNar(await archiveEvents(), { recursive })),
      ).toString();
      expect(
        await json(nodeInArchive(await archiveEvents(), []), recursive),
      ).toBe(expected);
    });

  it('of a store has the same form, without offsets', async () => {
    const { node, directories } = await stored();
    const listing = castoreListing(node, directories, { recursive: true });
    expect(JSON.parse(await json(listing))).toEqual({
      type: 'directory',
      entries: {
        bin: {
          type: 'directory',
          entries: {
            empty: { type: 'directory', entries: {} },
            run: { type: 'regular', size: 2, executable: true },
          },
        },
        link: { type: 'symlink', target: 'bin/run' },
        'od\bd\udcff': { type: 'regular', size: 0 },
      },
    });
  });

  it('of a tree in a store asks for several directories at a time', async () => {
    const directories = new MemoryDirectoryService();
    const children = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const target = symlinkTarget(`${i}`);
        const child = Directory.fromEntries([
          { name: pathComponent('link'), node: { type: 'symlink', target } },
        ]);
        const digest = await directories.put(child);
        const node: Node = { type: 'directory', digest, size: child.size };
        return { name: pathComponent(`${i}`), node };
      }),
    );
    const root = Directory.fromEntries(children);
    const digest = await directories.put(root);
    let asked = 0;
    let most = 0;
    const far: DirectoryLookup = {
      async get(wanted) {
        asked += 1;
        most = Math.max(most, asked);
        await new Promise((resolve) => setImmediate(resolve));
        asked -= 1;
        return directories.get(wanted);
      },
    };
    const node: Node = { type: 'directory', digest, size: root.size };
    const paths = await text(castoreListing(node, far, { recursive: true }));
    expect(paths).toHaveLength(40);
    expect(most).toBe(20);
  });

  it('that is not recursive shows what is in the root as {}', async () => {
    const { node, directories } = await stored();
    const listing = castoreListing(node, directories, { recursive: false });
    expect(await json(listing, false)).toBe(
      '{"type":"directory","entries":{"bin":{},"link":{},"od\\u0008d\\udcff":{}}}',
    );
  });
});

describe('a listing as text', () => {
  it('is the paths below the root, as bytes', async () => {
    const { node, directories } = await stored();
    const listing = castoreListing(node, directories, { recursive: true });
    expect(await text(listing)).toEqual([
      './bin',
      './bin/empty',
      './bin/run',
      './link',
      './od\bd\xff',
    ]);
  });

  it('that is not recursive is the names in the root', async () => {
    const { node, directories } = await stored();
    const listing = castoreListing(node, directories, { recursive: false });
    expect(await text(listing, { recursive: false })).toEqual([
      './bin',
      './link',
      './od\bd\xff',
    ]);
    expect(
      await text(nodeInArchive(await archiveEvents(), []), {
        recursive: false,
      }),
    ).toEqual(['./bin', './link', './od\bd\xff']);
  });

  it('tells modes, sizes and targets where asked', async () => {
    const lines = await text(nodeInArchive(await archiveEvents(), []), {
      long: true,
    });
    expect(lines).toEqual([
      'dr-xr-xr-x                    0 ./bin',
      'dr-xr-xr-x                    0 ./bin/empty',
      '-r-xr-xr-x                    2 ./bin/run',
      'lrwxrwxrwx                    0 ./link -> bin/run',
      '-r--r--r--                    0 ./od\bd\xff',
    ]);
  });

  it('of a file is its name', async () => {
    const listing = castoreListing(
      { type: 'symlink', target: Buffer.from('a') } as unknown as Node,
      new MemoryDirectoryService(),
      { recursive: true },
    );
    expect(await text(listing)).toEqual(['root']);
  });
});

describe('a path in an archive', () => {
  it.each([
    [['bin'], ['./empty', './run']],
    [['bin', 'empty'], []],
    [['bin', 'run'], ['root']],
    [['link'], ['root']],
  ])('%j is listed', async (path, lines) => {
    const names = path.map((part) => Buffer.from(part));
    expect(await text(nodeInArchive(await archiveEvents(), names))).toEqual(
      lines,
    );
  });

  it('keeps the offset of a file in the whole archive', async () => {
    const bytes = Buffer.concat(await archive());
    const { narOffset } = JSON.parse(
      await json(
        nodeInArchive(await archiveEvents(), [
          Buffer.from('bin'),
          Buffer.from('run'),
        ]),
      ),
    );
    expect(bytes.toString('latin1', narOffset, narOffset + 2)).toBe('#!');
  });

  it.each([
    [['nope']],
    [['bin', 'nope']],
    [['run']],
    [['link', 'bin']],
    [['bin', 'run', 'deeper']],
    [['bin', 'link']],
  ])('%j is not found', async (path) => {
    const names = path.map((part) => Buffer.from(part));
    await expect(
      collect(nodeInArchive(await archiveEvents(), names)),
    ).rejects.toMatchObject({ code: 'cli/not-found' });
  });
});

describe('a listing of a store', () => {
  it('fails where a directory is missing', async () => {
    const { node } = await stored();
    await expect(
      collect(
        castoreListing(node, new MemoryDirectoryService(), { recursive: true }),
      ),
    ).rejects.toMatchObject({ code: 'castore/directory-not-found' });
  });

  it('comes in batches, however large the directory', async () => {
    const directories = new MemoryDirectoryService();
    const entries = Array.from({ length: 5000 }, (_, i) => ({
      name: Buffer.from(String(i)),
      node: { type: 'symlink', target: Buffer.from('t') },
    })) as unknown as Parameters<typeof Directory.fromEntries>[0];
    const directory = Directory.fromEntries(entries);
    const digest = await directories.put(directory);
    const batches = await collect(
      castoreListing(
        { type: 'directory', digest, size: directory.size },
        directories,
        { recursive: true },
      ),
    );
    expect(batches.length).toBeGreaterThan(5);
    expect(Math.max(...batches.map((batch) => batch.length))).toBeLessThan(
      2000,
    );
  });
});

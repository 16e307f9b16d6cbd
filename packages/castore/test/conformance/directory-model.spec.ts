/** Random sequences of calls, on a directory service and on a plain map at the same time, must never tell a difference. */
import assert from 'node:assert/strict';
import { describe, it } from '@jest/globals';
import fc from 'fast-check';
import type { DirectoryService } from '../../src/directory-service/directory-service.ts';
import { LocalDirectoryService } from '../../src/directory-service/local.ts';
import { MemoryDirectoryService } from '../../src/directory-service/memory.ts';
import { Directory } from '../../src/node/directory.ts';
import type { NamedNode } from '../../src/node/node.ts';
import { pathComponent } from '../../src/path/path-component.ts';
import { openCastoreLoopback } from '../grpc/loopback.ts';
import { TemporaryStore } from '../local-store/temporary-store.ts';

/** Each directory refers to some of those before it: few, so that they meet again and again. */
const DIRECTORIES: Directory[] = [Directory.EMPTY];
/** For each, the ones that it refers to. */
const CHILDREN: number[][] = [[]];
for (let i = 1; i < 8; i++) {
  const children = [i - 1, Math.floor(i / 2), 0].filter(
    (_, at) => (i + at) % 3 !== 0,
  );
  const entries = children.map((child, at): NamedNode => {
    const { digest, size } = DIRECTORIES[child]!;
    return {
      name: pathComponent(`${i}-${at}`),
      node: { type: 'directory', digest, size },
    };
  });
  DIRECTORIES.push(Directory.fromEntries(entries));
  CHILDREN.push(children);
}

interface Real {
  directories: DirectoryService;
  readonly reopen: () => Promise<DirectoryService>;
}

type Stored = { readonly digests: Set<number> };
type Command = fc.AsyncCommand<Stored, Real>;

const command = (
  name: string,
  run: (stored: Set<number>, real: Real) => Promise<void>,
): Command => ({
  check: () => true,
  run: ({ digests }, real) => run(digests, real),
  toString: () => name,
});

const directory = fc.nat({ max: DIRECTORIES.length - 1 });

/** The directory and all below it, children before what refers to them, each once. */
function closure(root: number, found = new Set<number>()): Set<number> {
  for (const child of CHILDREN[root]!) closure(child, found);
  return found.add(root);
}

const COMMANDS = [
  directory.map((i) =>
    command(`get ${i}`, async (stored, { directories }) => {
      const found = await directories.get(DIRECTORIES[i]!.digest);
      assert.equal(
        found?.digest.toHex(),
        stored.has(i) ? DIRECTORIES[i]!.digest.toHex() : undefined,
      );
    }),
  ),
  directory.map((i) =>
    command(`put the tree ${i}`, async (stored, { directories }) => {
      const putter = directories.putMultipleStart();
      const tree = [...closure(i)];
      for (const each of tree) await putter.put(DIRECTORIES[each]!);
      assert.equal(
        (await putter.close()).toHex(),
        DIRECTORIES[i]!.digest.toHex(),
      );
      for (const each of tree) stored.add(each);
    }),
  ),
  fc.constant(
    command('put the empty directory', async (stored, { directories }) => {
      await directories.put(Directory.EMPTY);
      stored.add(0);
    }),
  ),
  directory.map((i) =>
    command(`get all of ${i}`, async (stored, { directories }) => {
      const found: string[] = [];
      const walk = async () => {
        for await (const each of directories.getRecursive(
          DIRECTORIES[i]!.digest,
        ))
          found.push(each.digest.toHex());
      };
      // What is stored was stored with all below it.
      if (!stored.has(i))
        return assert.rejects(walk, { code: 'castore/directory-not-found' });
      await walk();
      const expected = [...closure(i)].map((each) =>
        DIRECTORIES[each]!.digest.toHex(),
      );
      assert.deepEqual([...found].sort(), [...new Set(expected)].sort());
      assert.equal(found[0], DIRECTORIES[i]!.digest.toHex());
    }),
  ),
  fc.constant(
    command('open the store anew', async (_, real) => {
      real.directories = await real.reopen();
    }),
  ),
];

interface Backend {
  readonly open: () => Promise<DirectoryService>;
  readonly close: () => Promise<void>;
}

const BACKENDS: Record<string, () => Promise<Backend>> = {
  memory: async () => {
    const directories = new MemoryDirectoryService();
    return { open: async () => directories, close: async () => {} };
  },
  local: async () => {
    const temporary = await TemporaryStore.create();
    return {
      open: async () => new LocalDirectoryService(await temporary.reopen()),
      close: () => temporary.destroy(),
    };
  },
  gRPC: async () => {
    const loopback = await openCastoreLoopback();
    return {
      open: async () => loopback.directories,
      close: async () => loopback[Symbol.asyncDispose](),
    };
  },
};

describe('a directory service and its model', () => {
  it.each(Object.keys(BACKENDS))(
    'agree after any calls: %s',
    async (name) => {
      await fc.assert(
        fc.asyncProperty(
          fc.commands(COMMANDS, { maxCommands: 60, size: 'max' }),
          async (commands) => {
            const backend = await BACKENDS[name]!();
            try {
              const directories = await backend.open();
              await fc.asyncModelRun(
                () => ({
                  model: { digests: new Set<number>() },
                  real: { directories, reopen: backend.open },
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

import assert from 'node:assert/strict';
import type { CallOptions } from '../blob-service/blob-service.ts';
import type { B3Digest } from '../digest/b3-digest.ts';
import { DigestSet } from '../digest/digest-map.ts';
import type { DirectoryService } from '../directory-service/directory-service.ts';
import { Directory } from '../node/directory.ts';
import type { DirectorySuite } from './directory-suite.ts';
import { putAll } from './directory-putting.ts';
import { rejectsBeing, rejectsWith } from './expect.ts';
import {
  DIRECTORY_A,
  DIRECTORY_B,
  DIRECTORY_C,
  DIRECTORY_COMPLICATED,
  DIRECTORY_WITH_KEEP,
  directoryEntry,
} from './fixtures.ts';

/** All directories of a recursive get, which must come after one that refers to them, and once. */
async function traverse(
  directories: DirectoryService,
  root: B3Digest,
  options?: CallOptions,
): Promise<Directory[]> {
  const all: Directory[] = [];
  const announced = new DigestSet([root]);
  const seen = new DigestSet();
  for await (const directory of directories.getRecursive(root, options)) {
    const name = directory.digest.toString();
    assert.ok(announced.has(directory.digest), `${name} comes before a parent`);
    assert.ok(!seen.has(directory.digest), `${name} comes twice`);
    seen.add(directory.digest);
    for (const child of directory.directories()) announced.add(child.digest);
    all.push(directory);
  }
  assert.equal(seen.size, announced.size, 'all directories come');
  return all;
}

/** A chain of directories, the leaf first. */
function chain(length: number): Directory[] {
  const all = [Directory.EMPTY];
  while (all.length < length)
    all.push(Directory.fromEntries([directoryEntry('d', all.at(-1)!)]));
  return all;
}

/** What holds for whole trees of directories, and for failures. */
export function directoryTraversal(suite: DirectorySuite): void {
  suite.it('tells a whole tree from its root on', async (directories) => {
    await putAll(directories, [
      DIRECTORY_WITH_KEEP.directory,
      DIRECTORY_COMPLICATED.directory,
    ]);
    const all = await traverse(directories, DIRECTORY_COMPLICATED.digest);
    assert.deepEqual(
      all.map(({ digest }) => digest.toString()),
      [DIRECTORY_COMPLICATED, DIRECTORY_WITH_KEEP].map(({ digest }) =>
        digest.toString(),
      ),
    );
  });

  suite.it(
    'tells a directory once that many refer to, at any distance',
    async (directories) => {
      const x = Directory.fromEntries([
        directoryEntry('keep', DIRECTORY_WITH_KEEP.directory),
      ]);
      const y = Directory.fromEntries([
        directoryEntry('again', DIRECTORY_WITH_KEEP.directory),
        directoryEntry('x', x),
      ]);
      const root = Directory.fromEntries([
        directoryEntry('a', DIRECTORY_WITH_KEEP.directory),
        directoryEntry('x', x),
        directoryEntry('y', y),
      ]);
      await putAll(directories, [DIRECTORY_WITH_KEEP.directory, x, y, root]);
      assert.equal((await traverse(directories, root.digest)).length, 4);
      await putAll(directories, [DIRECTORY_A.directory, DIRECTORY_C.directory]);
      assert.equal((await traverse(directories, DIRECTORY_C.digest)).length, 2);
    },
  );

  suite.it('rejects where the root is missing', async (directories) => {
    await rejectsWith(
      traverse(directories, DIRECTORY_B.digest),
      'castore/directory-not-found',
    );
  });

  suite.it(
    'rejects where a directory below is missing, after what is there',
    async (directories) => {
      if (directories.capabilities.ordered) return;
      await directories.put(DIRECTORY_B.directory);
      const found: Directory[] = [];
      const reading = (async () => {
        for await (const directory of directories.getRecursive(
          DIRECTORY_B.digest,
        ))
          found.push(directory);
      })();
      await rejectsWith(reading, 'castore/directory-not-found');
      assert.equal(found.length, 1);
    },
  );

  suite.it('takes a tree of 1,000 levels', async (directories) => {
    const all = chain(1000);
    await putAll(directories, all);
    const found = await traverse(directories, all.at(-1)!.digest);
    assert.equal(found.length, 1000);
    assert.equal(found[0]!.size, 999n);
  });

  suite.it('takes a tree of 2,000 leaves', async (directories) => {
    const leaves = Array.from({ length: 2000 }, (_, i) =>
      Directory.fromEntries([directoryEntry(`${i}`, Directory.EMPTY)]),
    );
    const root = Directory.fromEntries(
      leaves.map((leaf, i) => directoryEntry(`${i}`, leaf)),
    );
    await putAll(directories, [Directory.EMPTY, ...leaves, root]);
    assert.equal((await traverse(directories, root.digest)).length, 2002);
  });

  suite.it('may be left early, and asked again', async (directories) => {
    const all = chain(200);
    await putAll(directories, all);
    const root = all.at(-1)!.digest;
    for (let i = 0; i < 10; i++)
      for await (const directory of directories.getRecursive(root)) {
        assert.ok(directory.digest.equals(root));
        break;
      }
    assert.equal((await traverse(directories, root)).length, 200);
  });

  const reason = new Error('enough');

  suite.it(
    'rejects every call with the reason of a signal that was aborted before',
    async (directories) => {
      const { directory, digest } = DIRECTORY_A;
      await directories.put(directory);
      const options = { signal: AbortSignal.abort(reason) };
      await rejectsBeing(directories.get(digest, options), reason);
      await rejectsBeing(directories.put(directory, options), reason);
      await rejectsBeing(traverse(directories, digest, options), reason);
      const putting = (async () => {
        const putter = directories.putMultipleStart(options);
        await putter.put(directory);
        await putter.close();
      })();
      await rejectsBeing(putting, reason);
    },
  );

  suite.it(
    'ends a traversal with the reason of its signal',
    async (directories) => {
      const all = chain(1000);
      await putAll(directories, all);
      const controller = new AbortController();
      let count = 0;
      const reading = (async () => {
        for await (const directory of directories.getRecursive(
          all.at(-1)!.digest,
          controller,
        )) {
          assert.ok(directory.size <= 999n);
          count++;
          controller.abort(reason);
        }
      })();
      await rejectsBeing(reading, reason);
      assert.ok(count < 1000);
    },
  );

  suite.itIf(
    'reopen',
    'still has everything after it was opened anew',
    async (directories, reopen) => {
      await putAll(directories, [
        DIRECTORY_WITH_KEEP.directory,
        DIRECTORY_COMPLICATED.directory,
      ]);
      await directories.put(DIRECTORY_A.directory);
      const opened = await reopen(DIRECTORY_A.digest);
      assert.equal(
        (await traverse(opened, DIRECTORY_COMPLICATED.digest)).length,
        2,
      );
      assert.ok((await opened.get(DIRECTORY_A.digest)) !== undefined);
    },
  );

  suite.itIf(
    'corrupt',
    'never tells a directory that was changed behind its back, and heals by another put',
    async (directories, corrupt) => {
      await putAll(directories, [
        DIRECTORY_WITH_KEEP.directory,
        DIRECTORY_COMPLICATED.directory,
      ]);
      // Each at its first use: a store may well forget what it found damaged.
      const { directory, digest } = DIRECTORY_WITH_KEEP;
      let changed = await corrupt(digest);
      await rejectsWith(
        traverse(changed, DIRECTORY_COMPLICATED.digest),
        'castore/corrupt-directory',
      );
      changed = await corrupt(DIRECTORY_COMPLICATED.digest);
      await rejectsWith(
        changed.get(DIRECTORY_COMPLICATED.digest),
        'castore/corrupt-directory',
      );
      await putAll(changed, [directory, DIRECTORY_COMPLICATED.directory]);
      const all = await traverse(changed, DIRECTORY_COMPLICATED.digest);
      assert.equal(all.length, 2);
    },
  );

  suite.itIf(
    'cut',
    'never takes a failure below it for absence',
    async (directories, cut) => {
      const { directory, digest } = DIRECTORY_A;
      await directories.put(directory);
      const broken = await cut(digest);
      for (const call of [
        broken.get(digest),
        traverse(broken, digest),
        broken.put(directory),
        putAll(broken, [directory]),
      ])
        await assert.rejects(call, (error: { kind?: string }) => {
          assert.ok(
            ['storage', 'unavailable', 'refused'].includes(error.kind!),
            String(error),
          );
          return true;
        });
    },
  );
}

import assert from 'node:assert/strict';
import type { DirectoryService } from '../directory-service/directory-service.ts';
import { Directory } from '../node/directory.ts';
import type { DirectorySuite } from './directory-suite.ts';
import { equalBytes, equalDigests, rejectsWith } from './expect.ts';
import {
  DIRECTORIES,
  DIRECTORY_A,
  DIRECTORY_B,
  DIRECTORY_C,
  DIRECTORY_COMPLICATED,
  DIRECTORY_WITH_KEEP,
  DIRECTORY_WRONG_SIZE,
  directoryEntry,
} from './fixtures.ts';

/** Puts directories through one putter and closes it. */
export async function putAll(
  directories: DirectoryService,
  all: Iterable<Directory>,
): Promise<void> {
  const putter = directories.putMultipleStart();
  for (const directory of all) await putter.put(directory);
  await putter.close();
}

/** What holds for putting directories, and for getting them one by one. */
export function directoryPutting(suite: DirectorySuite): void {
  suite.it('answers undefined for what is not stored', async (directories) => {
    for (const { digest } of DIRECTORIES)
      assert.equal(await directories.get(digest), undefined);
  });

  suite.it('puts and gets a directory by itself', async (directories) => {
    for (const { directory, digest } of [DIRECTORY_A, DIRECTORY_WITH_KEEP]) {
      equalDigests([await directories.put(directory)], [digest]);
      const found = await directories.get(digest);
      assert.ok(found !== undefined);
      equalBytes(found.encode(), directory.encode());
      assert.equal(found.size, directory.size);
    }
  });

  suite.it(
    'puts directories under their known digests and encodings',
    async (directories) => {
      const putter = directories.putMultipleStart();
      for (const fixture of DIRECTORIES)
        if (fixture !== DIRECTORY_WRONG_SIZE)
          await putter.put(fixture.directory);
      equalDigests([await putter.close()], [DIRECTORY_COMPLICATED.digest]);
      for (const { directory, digest, encoded } of DIRECTORIES) {
        if (digest.equals(DIRECTORY_WRONG_SIZE.digest)) continue;
        const found = await directories.get(digest);
        assert.ok(found !== undefined);
        equalBytes(found.encode(), encoded);
        assert.equal(found.size, directory.size);
      }
    },
  );

  suite.it(
    'answers the digest of the last directory, connected or not',
    async (directories) => {
      const putter = directories.putMultipleStart();
      await putter.put(DIRECTORY_A.directory);
      await putter.put(DIRECTORY_A.directory);
      await putter.put(DIRECTORY_C.directory);
      await putter.put(DIRECTORY_WITH_KEEP.directory);
      equalDigests([await putter.close()], [DIRECTORY_WITH_KEEP.digest]);
      for (const { digest } of [DIRECTORY_A, DIRECTORY_C, DIRECTORY_WITH_KEEP])
        assert.ok((await directories.get(digest)) !== undefined);
    },
  );

  suite.it(
    'takes one tree through two putters at once',
    async (directories) => {
      const putters = [
        directories.putMultipleStart(),
        directories.putMultipleStart(),
      ];
      for (const { directory } of [DIRECTORY_WITH_KEEP, DIRECTORY_COMPLICATED])
        for (const putter of putters) await putter.put(directory);
      const { digest } = DIRECTORY_COMPLICATED;
      equalDigests(await Promise.all(putters.map((putter) => putter.close())), [
        digest,
        digest,
      ]);
      assert.ok((await directories.get(digest)) !== undefined);
    },
  );

  suite.it(
    'holds a putter to its rules, or takes what it is given, as it says',
    async (directories) => {
      const sequences = [
        ['castore/child-not-sent', [DIRECTORY_B]],
        ['castore/child-not-sent', [DIRECTORY_B, DIRECTORY_A]],
        ['castore/child-not-sent', [DIRECTORY_A, DIRECTORY_COMPLICATED]],
        ['castore/wrong-child-size', [DIRECTORY_A, DIRECTORY_WRONG_SIZE]],
      ] as const;
      for (const [code, sequence] of sequences) {
        const put = putAll(
          directories,
          sequence.map(({ directory }) => directory),
        );
        if (directories.capabilities.ordered) await rejectsWith(put, code);
        else await put;
      }
    },
  );

  suite.it(
    'does not count as sent what is only stored',
    async (directories) => {
      await directories.put(DIRECTORY_A.directory);
      const put = putAll(directories, [DIRECTORY_B.directory]);
      if (directories.capabilities.ordered)
        await rejectsWith(put, 'castore/child-not-sent');
      else await put;
    },
  );

  suite.it('ends a putter once', async (directories) => {
    const putter = directories.putMultipleStart();
    assert.equal(putter.isClosed, false);
    await putter.put(DIRECTORY_A.directory);
    assert.equal(putter.isClosed, false);
    await putter.close();
    assert.equal(putter.isClosed, true);
    await rejectsWith(putter.put(DIRECTORY_A.directory), 'castore/closed');
    await rejectsWith(putter.close(), 'castore/closed');
    await putter.abort();
  });

  suite.it(
    'rejects the end of a putter that got nothing',
    async (directories) => {
      const putter = directories.putMultipleStart();
      await rejectsWith(putter.close(), 'castore/nothing-put');
    },
  );

  suite.it(
    'takes nothing from a putter that was aborted',
    async (directories) => {
      const putter = directories.putMultipleStart();
      await putter.put(DIRECTORY_A.directory);
      await putter.abort(new Error('enough'));
      await putter.abort();
      assert.equal(putter.isClosed, true);
      await rejectsWith(putter.put(DIRECTORY_B.directory), 'castore/closed');
      await rejectsWith(putter.close(), 'castore/closed');
      assert.equal(await directories.get(DIRECTORY_B.digest), undefined);
      const unused = directories.putMultipleStart();
      await unused.abort();
    },
  );

  suite.it('answers 1,500 gets, many at a time', async (directories) => {
    await directories.put(DIRECTORY_WITH_KEEP.directory);
    const { digest } = DIRECTORY_WITH_KEEP;
    for (let round = 0; round < 30; round++) {
      const gets = Array.from({ length: 50 }, () => directories.get(digest));
      for (const found of await Promise.all(gets))
        assert.ok(found?.digest.equals(digest));
    }
  });

  suite.it('stores a directory of 10,000 entries', async (directories) => {
    const wide = Directory.fromEntries(
      Array.from({ length: 10_000 }, (_, i) =>
        directoryEntry(`${i}`, Directory.EMPTY),
      ),
    );
    await putAll(directories, [Directory.EMPTY, wide]);
    const found = await directories.get(wide.digest);
    assert.equal(found?.entries.length, 10_000);
    equalBytes(found.encode(), wide.encode());
  });
}

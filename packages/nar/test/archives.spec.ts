import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { archiveSize } from '../src/encoded-size.ts';
import { encodeNixBase32 } from '../src/nixbase32.ts';
import { type ArchiveVectors, TREES, vectors } from './support/fixtures.ts';
import { encodeTree } from './support/plain-encoder.ts';
import { read, write } from './support/read.ts';
import { nodeSize } from './support/sizes.ts';
import { eventsOf } from './support/tree.ts';

const { archives, dumps } = vectors<ArchiveVectors>('archives');
/** The vectors give this archive's hash, but not the contents of its files. */
const known = archives.filter(
  ({ content }) => content !== 'net-tools tree (A.5)',
);

describe('archives', () => {
  it('are known by twelve trees', () => {
    expect(
      known.map(({ content }) => content).filter((content) => content in TREES),
    ).toHaveLength(12);
  });

  it.each(known)(
    'of $content are written with their size and hash',
    ({ content, bytes, sha256 }) => {
      const tree = TREES[content]!;
      const archive = write(eventsOf(tree));
      expect(archive).toHaveLength(bytes);
      expect(createHash('sha256').update(archive).digest('hex')).toBe(sha256);
      expect(Buffer.compare(archive, encodeTree(tree))).toBe(0);
      expect(archiveSize(nodeSize(tree))).toBe(BigInt(bytes));
    },
  );

  it.each(known)(
    'of $content are read back to the events they were written from',
    ({ content }) => {
      const events = eventsOf(TREES[content]!);
      expect(read([write(events)])).toEqual(events);
    },
  );

  it.each(archives)(
    'of $content have the same hash in both encodings',
    ({ sha256, nixbase32 }) => {
      expect(encodeNixBase32(Buffer.from(sha256, 'hex'))).toBe(nixbase32);
    },
  );

  it('of a symlink and a file equal the dumped bytes', () => {
    expect(
      Buffer.from(
        write(eventsOf(TREES['symlink → /nix/store/somewhereelse']!)),
      ).toString('hex'),
    ).toBe(dumps.symlink);
    expect(
      Buffer.from(write(eventsOf(TREES['file HELLOWORLD']!))).toString('hex'),
    ).toBe(dumps.helloworld);
  });
});

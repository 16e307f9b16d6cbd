import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { NarEvent } from '../src/event.ts';
import { NarLister } from '../src/listing.ts';
import { arbitraryTree, check } from './support/arbitrary-tree.ts';
import { narErrorOf } from './support/outcome.ts';
import { encodeTree } from './support/plain-encoder.ts';
import { cut, read, write } from './support/read.ts';
import { nodeSize } from './support/sizes.ts';
import { bytesOf, directory, eventsOf, file, link } from './support/tree.ts';

const SMALL = encodeTree(
  directory({
    a: file('contents', true),
    b: directory({ '.c': link('target'), d: file('') }),
    e: directory(),
  }),
);

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

describe('any archive', () => {
  it('is written by the grammar', () => {
    check(
      fc.property(arbitraryTree, (tree) =>
        same(write(eventsOf(tree)), encodeTree(tree)),
      ),
    );
  });

  it('has the size that is computed without writing it', () => {
    check(
      fc.property(
        arbitraryTree,
        (tree) => BigInt(encodeTree(tree).length) === 24n + nodeSize(tree),
      ),
    );
  });

  it('is read to the events it was written from, cut at any offsets', () => {
    const offsets = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), {
      maxLength: 8,
    });
    check(
      fc.property(arbitraryTree, offsets, (tree, cuts) => {
        const archive = encodeTree(tree);
        const pieces = cut(
          archive,
          ...cuts
            .map((at) => Math.floor(at * archive.length))
            .sort((a, b) => a - b),
        );
        expect(read(pieces)).toEqual(eventsOf(tree));
      }),
    );
  });

  it('is refused as ended early wherever it is cut off', () => {
    check(
      fc.property(
        arbitraryTree,
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (tree, at) => {
          const archive = encodeTree(tree);
          const error = narErrorOf(() =>
            read([archive.subarray(0, Math.floor(at * archive.length))]),
          );
          return error.code === 'nar/unexpected-eof';
        },
      ),
    );
  });

  it('is the only encoding of what it is read to: a changed byte is refused or changes the events', () => {
    check(
      fc.property(
        arbitraryTree,
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (tree, at, flip) => {
          const archive = encodeTree(tree);
          archive[at % archive.length]! ^= flip;
          let events;
          try {
            events = read([archive]);
          } catch (error) {
            expect(error).toMatchObject({ name: 'NarError' });
            return true;
          }
          return same(write(events), archive);
        },
      ),
      2000,
    );
  });

  it('is listed as valid JSON with every entry', () => {
    check(
      fc.property(arbitraryTree, (tree) => {
        const lister = new NarLister();
        lister.push(eventsOf(tree));
        lister.finish();
        const listing = JSON.parse(
          Buffer.concat(lister.take()).toString(),
        ) as object;
        const names = [...JSON.stringify(listing).matchAll(/"type":/g)].length;
        return (
          names ===
          eventsOf(tree).filter(({ type }) => type === 'entry').length + 1
        );
      }),
    );
  });
});

describe('any sequence of events', () => {
  const name = fc.constantFrom('', '.', 'a', 'b', 'c/').map(bytesOf);
  const event: fc.Arbitrary<NarEvent> = fc.oneof(
    fc.constant<NarEvent>({ type: 'directory' }),
    fc.constant<NarEvent>({ type: 'end' }),
    name.map((name): NarEvent => ({ type: 'entry', name })),
    name.map((target): NarEvent => ({ type: 'symlink', target })),
    fc.nat(2).map((size): NarEvent => {
      return { type: 'regular', executable: false, size: BigInt(size) };
    }),
    fc
      .uint8Array({ minLength: 1, maxLength: 2 })
      .map((bytes): NarEvent => ({ type: 'data', bytes })),
  );

  it('is refused, or written as an archive that is read back to it', () => {
    let written = 0;
    check(
      fc.property(fc.array(event, { maxLength: 6 }), (events) => {
        let archive;
        try {
          archive = write(events);
        } catch (error) {
          expect(error).toMatchObject({ name: 'NarError' });
          return;
        }
        written++;
        const merged = read([archive]);
        expect(same(write(merged), archive)).toBe(true);
        expect(merged.filter(({ type }) => type !== 'data')).toEqual(
          events.filter(({ type }) => type !== 'data'),
        );
      }),
      20_000,
    );
    expect(written).toBeGreaterThan(0);
  });
});

describe('a small archive', () => {
  const events = read([SMALL]);

  it('is read the same, cut at any two offsets', () => {
    for (let first = 0; first <= SMALL.length; first++) {
      for (let second = first; second <= SMALL.length; second += 149) {
        expect(same(write(read(cut(SMALL, first, second))), SMALL)).toBe(true);
      }
    }
    expect(events).toHaveLength(15);
  });

  it('is read the same, one byte at a time', () => {
    expect(read(Array.from(SMALL, (byte) => Uint8Array.of(byte)))).toEqual(
      events,
    );
  });

  it('is refused as ended early, cut off anywhere', () => {
    for (let end = 0; end < SMALL.length; end++) {
      expect(narErrorOf(() => read([SMALL.subarray(0, end)])).code).toBe(
        'nar/unexpected-eof',
      );
    }
  });

  it('is refused or read differently, with any bit of it flipped', () => {
    for (let bit = 0; bit < SMALL.length * 8; bit++) {
      const archive = SMALL.slice();
      archive[bit >> 3]! ^= 1 << (bit & 7);
      let read_: ReturnType<typeof read> | undefined;
      try {
        read_ = read([archive]);
      } catch (error) {
        expect(error).toMatchObject({ name: 'NarError' });
      }
      if (read_ !== undefined) expect(same(write(read_), archive)).toBe(true);
    }
  });
});

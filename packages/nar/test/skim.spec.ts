import { describe, expect, it } from '@jest/globals';
import type { ParsedNarEvent } from '../src/event.ts';
import { type RandomAccess, skimNar } from '../src/skim.ts';
import { encodeTree } from './support/plain-encoder.ts';
import { directory, eventsOf, file } from './support/tree.ts';

const TREE = directory({
  a: file(new Uint8Array(1_000_000)),
  b: directory({ c: file('small'), d: file(new Uint8Array(300_001)) }),
  e: file('last'),
});
const ARCHIVE = encodeTree(TREE);

function counting(
  bytes: Uint8Array,
  mostBytes = Infinity,
): RandomAccess & { bytesRead: number } {
  const source = {
    size: bytes.length,
    bytesRead: 0,
    read(position: number, length: number): Uint8Array {
      const piece = bytes.subarray(
        position,
        position + Math.min(length, mostBytes),
      );
      source.bytesRead += piece.length;
      return piece;
    },
  };
  return source;
}

async function skim(
  source: RandomAccess,
  trailing: 'error' | 'ignore' = 'error',
): Promise<ParsedNarEvent[]> {
  const events: ParsedNarEvent[] = [];
  for await (const batch of skimNar(source, { trailing }))
    events.push(...batch);
  return events;
}

describe('skimNar', () => {
  it('yields the structure and reads little else', async () => {
    const source = counting(ARCHIVE);
    const events = await skim(source);
    expect(events.map(({ type }) => type)).toEqual(
      eventsOf(TREE)
        .map(({ type }) => type)
        .filter((type) => type !== 'data'),
    );
    expect(source.bytesRead).toBeLessThan(ARCHIVE.length / 50);
  });

  it('takes reads that return less than was asked for', async () => {
    expect(await skim(counting(ARCHIVE, 7))).toEqual(
      await skim(counting(ARCHIVE)),
    );
  });

  it('takes reads that take their time', async () => {
    const { size, read } = counting(ARCHIVE);
    expect(
      await skim({
        size,
        read: async (position, length) => read(position, length),
      }),
    ).toHaveLength(13);
  });

  it('notices an archive that ends inside contents it jumps over', async () => {
    await expect(
      skim(counting(ARCHIVE.subarray(0, 500_000))),
    ).rejects.toMatchObject({ code: 'nar/unexpected-eof' });
  });

  it('notices a source that holds less than it says', async () => {
    const { read } = counting(ARCHIVE.subarray(0, 200));
    await expect(skim({ size: ARCHIVE.length, read })).rejects.toMatchObject({
      code: 'nar/unexpected-eof',
    });
  });

  it('notices a file that claims more than any source can hold', async () => {
    const endless = encodeTree(file('x')).fill(0xff, 88, 96);
    await expect(skim(counting(endless))).rejects.toMatchObject({
      code: 'nar/unexpected-eof',
    });
  });

  it('looks at what follows the archive unless told otherwise', async () => {
    const longer = Uint8Array.from([...encodeTree(file('x')), 0]);
    await expect(skim(counting(longer))).rejects.toMatchObject({
      code: 'nar/trailing-data',
    });
    expect(await skim(counting(longer), 'ignore')).toHaveLength(1);
  });
});

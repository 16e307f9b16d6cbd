import { describe, expect, it } from '@jest/globals';
import type { NarEvent } from '../src/event.ts';
import { parseNar } from '../src/parse-stream.ts';
import { writeNar } from '../src/write-stream.ts';
import { encodeTree } from './support/plain-encoder.ts';
import { cut } from './support/read.ts';
import { directory, eventsOf, file, link } from './support/tree.ts';

const TREE = directory({
  a: file('contents', true),
  b: directory({ c: link('target') }),
});
const ARCHIVE = encodeTree(TREE);

async function collect<Item>(source: AsyncIterable<Item>): Promise<Item[]> {
  const items: Item[] = [];
  for await (const item of source) items.push(item);
  return items;
}

/** A source that records whether it was told to stop. */
async function* recorded(
  pieces: Iterable<Uint8Array>,
  log: string[],
): AsyncGenerator<Uint8Array> {
  try {
    for (const piece of pieces) {
      log.push('chunk');
      yield piece;
    }
  } finally {
    log.push('closed');
  }
}

describe('parseNar', () => {
  it('yields one batch a chunk', async () => {
    const batches = await collect(parseNar(cut(ARCHIVE, 100, 104, 200)));
    expect(batches.flat().map(({ type }) => type)).toEqual(
      eventsOf(TREE).map(({ type }) => type),
    );
    expect(batches.length).toBeLessThanOrEqual(4);
  });

  it('refuses a stream that ends early', async () => {
    await expect(
      collect(parseNar([ARCHIVE.subarray(0, 300)])),
    ).rejects.toMatchObject({ code: 'nar/unexpected-eof' });
  });

  it('looks at what follows the archive', async () => {
    await expect(
      collect(parseNar([ARCHIVE, new Uint8Array(1)])),
    ).rejects.toMatchObject({ code: 'nar/trailing-data' });
  });

  it('leaves its source behind the archive where more may follow', async () => {
    const log: string[] = [];
    await collect(
      parseNar(recorded([ARCHIVE, ARCHIVE, ARCHIVE], log), {
        trailing: 'ignore',
      }),
    );
    expect(log).toEqual(['chunk', 'closed']);
  });

  it('closes its source when its reader leaves', async () => {
    const log: string[] = [];
    const batches = parseNar(recorded(cut(ARCHIVE, 200, 300), log));
    await batches.next();
    await batches.return();
    expect(log).toEqual(['chunk', 'closed']);
  });

  it('passes errors of its source through', async () => {
    const failure = new Error('disk on fire');
    const source = (async function* () {
      yield ARCHIVE.subarray(0, 100);
      throw failure;
    })();
    await expect(collect(parseNar(source))).rejects.toBe(failure);
  });
});

describe('writeNar', () => {
  it('writes what batches say', async () => {
    const events = eventsOf(TREE);
    const chunks = await collect(
      writeNar([events.slice(0, 3), [], events.slice(3)]),
    );
    expect(Uint8Array.from(Buffer.concat(chunks))).toEqual(ARCHIVE);
  });

  it('refuses batches that end early', async () => {
    await expect(
      collect(writeNar([[{ type: 'directory' }]])),
    ).rejects.toMatchObject({ code: 'nar/invalid-input' });
  });

  it('asks for no batch before the bytes of the last one are consumed', async () => {
    const large = new Uint8Array(1 << 20);
    let asked = 0;
    const batches = (function* (): Generator<NarEvent[]> {
      yield [{ type: 'regular', executable: false, size: 3n << 20n }];
      for (; asked < 3; asked++) yield [{ type: 'data', bytes: large }];
    })();
    const chunks = writeNar(batches);
    for (let chunk = await chunks.next(); chunk.value !== large;)
      chunk = await chunks.next();
    expect(asked).toBe(0);
    await chunks.return();
  });
});

import { describe, expect, it } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import { FileInThread } from '../../src/unpacking/file-in-thread.ts';
import { OutputMemory } from '../../src/unpacking/output-memory.ts';
import type { FromThread } from '../../src/unpacking/thread-messages.ts';

const MESSAGE_BYTES = 64 * 1024;
const LIMITS = { maxBytes: Infinity, maxRatio: Infinity };

/** What a file tells, for whoever waits for so many messages of a type. */
class Told {
  readonly messages: FromThread[] = [];
  #onMessage: () => void = () => {};

  readonly tell = (message: FromThread): void => {
    this.messages.push(message);
    this.#onMessage();
  };

  async until(type: FromThread['type'], count: number): Promise<void> {
    const told = (): number =>
      this.messages.filter((message) => message.type === type).length;
    while (told() < count)
      await new Promise<void>((resolve) => (this.#onMessage = resolve));
  }
}

describe('a file in a thread', () => {
  it('waits for its next bytes and for memory at once, where the decoder reads ahead', async () => {
    const told = new Told();
    const file = new FileInThread(
      1,
      MESSAGE_BYTES,
      new OutputMemory(),
      told.tell,
    );
    const packed = gzipSync(Buffer.alloc(1024 * 1024, 'words '));
    const unpacked = file.unpack({ compression: 'gzip', limits: LIMITS });
    file.push([packed.subarray(0, packed.length >> 1)], false);
    // Both may be under way: now it waits for what comes first.
    await told.until('output', 2);
    file.freed();
    await told.until('output', 3);
    file.freed();
    file.push([packed.subarray(packed.length >> 1)], true);
    for (let count = 4; count <= 16; count += 1) {
      await told.until('output', count);
      file.freed();
    }
    await unpacked;
    expect(told.messages.at(-1)).toMatchObject({
      type: 'done',
      outcome: { compression: 'gzip', fileSize: packed.length },
    });
  });

  it('that nobody wants any more tells nothing more', async () => {
    const told = new Told();
    const file = new FileInThread(
      1,
      MESSAGE_BYTES,
      new OutputMemory(),
      told.tell,
    );
    const unpacked = file.unpack({ compression: 'none', limits: LIMITS });
    file.push([new Uint8Array(10)], false);
    file.cancel();
    await unpacked;
    expect(told.messages).toEqual([]);
  });
});

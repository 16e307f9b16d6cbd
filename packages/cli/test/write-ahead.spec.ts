import { describe, expect, it } from '@jest/globals';
import { writeAhead } from '../src/write-ahead.ts';

const turn = (): Promise<void> =>
  new Promise((resolve) => setImmediate(resolve));

async function* pieces(count: number): AsyncGenerator<readonly Uint8Array[]> {
  for (let i = 0; i < count; i++) {
    await turn();
    yield [new Uint8Array([i])];
  }
}

describe('writeAhead', () => {
  it('writes all pieces in their order', async () => {
    const written: number[] = [];
    await writeAhead(pieces(5), {
      write: async ([chunk]) => {
        await turn();
        written.push(chunk![0]!);
      },
    });
    expect(written).toEqual([0, 1, 2, 3, 4]);
  });

  it('tells of pieces once they are written', async () => {
    const events: string[] = [];
    await writeAhead(
      pieces(3),
      {
        write: async ([chunk]) => {
          await turn();
          events.push(`wrote ${chunk![0]}`);
        },
      },
      ([chunk]) => events.push(`told of ${chunk![0]}`),
    );
    expect(events).toEqual(
      [0, 1, 2].flatMap((i) => [`wrote ${i}`, `told of ${i}`]),
    );
  });

  it('makes no more than two pieces ahead of the one that is written', async () => {
    let made = 0;
    let written = 0;
    let mostAhead = 0;
    async function* counted(): AsyncGenerator<readonly Uint8Array[]> {
      for await (const piece of pieces(10)) {
        mostAhead = Math.max(mostAhead, ++made - written);
        yield piece;
      }
    }
    await writeAhead(counted(), {
      write: async () => {
        for (let i = 0; i < 5; i++) await turn();
        written++;
      },
    });
    expect(mostAhead).toBe(2);
  });

  it('fails with a write that failed, the last one too, and takes nothing more', async () => {
    for (const failing of [0, 4]) {
      let written = 0;
      const failed = writeAhead(pieces(5), {
        write: async ([chunk]) => {
          await turn();
          if (chunk![0] === failing) throw new Error('closed');
          written++;
        },
      });
      await expect(failed).rejects.toThrow('closed');
      expect(written).toBeLessThan(5);
    }
  });
});

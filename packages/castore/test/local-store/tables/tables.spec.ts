import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type {
  Table,
  TableRange,
} from '../../../src/local-store/tables/tables.ts';
import { TemporaryStore } from '../temporary-store.ts';

let temporary: TemporaryStore;
let table: Table;

beforeEach(async () => {
  temporary = await TemporaryStore.create({ packTargetBytes: 4096 });
  table = temporary.store.table('things');
});

afterEach(() => temporary.destroy());

const bytes = (text: string): Buffer => Buffer.from(text);

async function entries(range?: TableRange): Promise<string[]> {
  const found: string[] = [];
  for await (const [key, value] of table.entries(range))
    found.push(`${Buffer.from(key)}=${Buffer.from(value)}`);
  return found;
}

async function reopen(): Promise<void> {
  table = (await temporary.reopen()).table('things');
}

async function loseIndex(): Promise<void> {
  await temporary.close();
  fs.rmSync(temporary.path('meta'), { recursive: true });
  await reopen();
}

describe('a table', () => {
  it('gives back the newest value, also after it was reopened', async () => {
    await table.put(bytes('a'), bytes('1'));
    await table.put(bytes('a'), bytes('2'));
    expect(table.get(bytes('a'))).toEqual(new Uint8Array(bytes('2')));
    await reopen();
    expect(table.get(bytes('a'))).toEqual(new Uint8Array(bytes('2')));
    expect(table.get(bytes('b'))).toBeUndefined();
  });

  it('tells whether what it removes was there', async () => {
    await table.put(bytes('a'), bytes('1'));
    expect(await table.delete(bytes('a'))).toBe(true);
    expect(await table.delete(bytes('a'))).toBe(false);
    expect(table.get(bytes('a'))).toBeUndefined();
  });

  it('keeps tables with other names apart, and one name that begins another', async () => {
    await table.put(bytes('a'), bytes('1'));
    await temporary.store.table('thing').put(bytes('sa'), bytes('2'));
    expect(await entries()).toEqual(['a=1']);
  });

  it('lists in bytewise order, from behind a key, below a prefix', async () => {
    await table.batch(
      ['b', 'a', 'ab', 'aa', '\u00ff', 'B'].map((key) => ({
        key: Buffer.from(key, 'latin1'),
        value: bytes('x'),
      })),
    );
    expect((await entries()).length).toBe(6);
    expect((await entries()).slice(0, 5)).toEqual(
      ['B', 'a', 'aa', 'ab', 'b'].map((key) => `${key}=x`),
    );
    expect(await entries({ prefix: bytes('a') })).toEqual([
      'a=x',
      'aa=x',
      'ab=x',
    ]);
    expect(await entries({ prefix: bytes('a'), after: bytes('aa') })).toEqual([
      'ab=x',
    ]);
    expect(await entries({ prefix: Buffer.of(0xff) })).toHaveLength(1);
  });

  it('lists more entries than fit a page', async () => {
    const changes = Array.from({ length: 2500 }, (_, i) => ({
      key: bytes(String(i).padStart(6, '0')),
      value: bytes('x'),
    }));
    await table.batch(changes);
    expect(await entries()).toHaveLength(2500);
  });

  it.each([0, 1, 1024, 1025, 100_000])(
    'keeps a value of %d bytes',
    async (length) => {
      const value = Buffer.alloc(length, 7);
      await table.put(bytes('a'), value);
      await reopen();
      expect(Buffer.compare(table.get(bytes('a'))!, value)).toBe(0);
    },
  );

  it('comes back from the packs alone: newest values, and nothing that was removed', async () => {
    for (let round = 0; round < 30; round += 1) {
      await table.put(bytes(`k${round % 5}`), bytes(`v${round}`));
      await table.put(bytes('gone'), bytes(`v${round}`));
    }
    await table.delete(bytes('gone'));
    await table.delete(bytes('k0'));
    const expected = await entries();
    expect(expected).toEqual(['k1=v26', 'k2=v27', 'k3=v28', 'k4=v29']);
    expect(temporary.packFiles().length).toBeGreaterThan(1);
    await loseIndex();
    expect(await entries()).toEqual(expected);
    await table.put(bytes('k1'), bytes('after'));
    await loseIndex();
    expect((await entries())[0]).toBe('k1=after');
  });

  it('refuses keys that are empty or too long, and names that are none', async () => {
    await expect(table.put(bytes(''), bytes('x'))).rejects.toThrow(RangeError);
    await table.put(Buffer.alloc(1024), bytes('x'));
    await expect(table.put(Buffer.alloc(1025), bytes('x'))).rejects.toThrow(
      RangeError,
    );
    expect(() => temporary.store.table('Things')).toThrow(RangeError);
  });
});

/**
 * The program of an `AskedStore`: it opens a store, then answers each line that it reads with one.
 *
 * | line | does | answer |
 * | --- | --- | --- |
 * | `put SEED LENGTH` | stores a chunk | `ok` |
 * | `set KEY LENGTH` | sets a value of a table | `ok` |
 * | `read SEED LENGTH` | reads a chunk and holds it against what was stored | `ok`, `absent` or `wrong` |
 * | `collect SEED LENGTH` | collects all but one chunk, a day later | `ok` |
 * | `close` | closes the store, and ends | `ok` |
 *
 * What fails is answered with its code, and so is opening, which is otherwise answered with `ok` before anything is read.
 */
import { createInterface } from 'node:readline';
import { B3Digest } from '../../src/digest/b3-digest.ts';
import { hashBytes } from '../../src/digest/hasher.ts';
import { collectGarbage } from '../../src/local-store/collect/collect-garbage.ts';
import type { RawRecord } from '../../src/local-store/commit/prepare-records.ts';
import type { LocalStore } from '../../src/local-store/local-store.ts';
import { openLocalStore } from '../../src/local-store/open/open-local-store.ts';
import { RecordKind } from '../../src/local-store/packs/record.ts';
import type { Node } from '../../src/node/node.ts';
import { randomBytes } from '../blob-service/random-bytes.ts';

const DAY_MS = 24 * 3_600_000;

const [directory, packTargetBytes] = process.argv.slice(2) as [string, string];
let store: LocalStore | undefined;
let nowMs = Date.UTC(2026, 0, 1);

await answer(async () => {
  store = await openLocalStore(directory, {
    reserveBytes: 0,
    threads: 0,
    packTargetBytes: Number(packTargetBytes),
    now: () => nowMs,
  });
  return 'ok';
});
if (store !== undefined)
  for await (const line of createInterface({ input: process.stdin })) {
    await answer(() => act(store!, line));
    if (line === 'close') break;
  }
process.stdin.destroy();

async function answer(act: () => Promise<string>): Promise<void> {
  let text: string;
  try {
    text = await act();
  } catch (error) {
    text = String((error as { code?: unknown }).code ?? error);
  }
  process.stdout.write(`${text}\n`);
}

async function act(on: LocalStore, line: string): Promise<string> {
  const [verb, name = '', length] = line.split(' ') as [string, ...string[]];
  switch (verb) {
    case 'put':
      await on.put([record(Number(name), Number(length))]);
      return 'ok';
    case 'set':
      await on
        .table('asked')
        .put(Buffer.from(name), Buffer.alloc(Number(length), name));
      return 'ok';
    case 'read': {
      const { key, bytes } = record(Number(name), Number(length));
      const found = on.read(RecordKind.chunk, key);
      if (found === undefined) return 'absent';
      return Buffer.compare(found, bytes) === 0 ? 'ok' : 'wrong';
    }
    case 'collect':
      nowMs += 2 * DAY_MS;
      await collectGarbage(on, {
        roots: nodeOf(record(Number(name), Number(length))),
      });
      return 'ok';
    case 'close':
      await on.close();
      return 'ok';
    default:
      return 'unknown';
  }
}

function record(seed: number, length: number): RawRecord {
  const bytes = randomBytes(length, seed);
  return { kind: RecordKind.chunk, key: hashBytes(bytes).bytes, bytes };
}

async function* nodeOf({ key, bytes }: RawRecord): AsyncGenerator<Node> {
  const digest = B3Digest.fromBytes(key);
  const size = BigInt(bytes.length);
  yield { type: 'file', digest, size, executable: false };
}

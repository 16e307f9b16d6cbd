/** The program that is killed: it puts records for ever, and writes a line for each that was acknowledged. */
import { writeSync } from 'node:fs';
import { hashBytes } from '../../src/digest/hasher.ts';
import { openLocalStore } from '../../src/local-store/open-local-store.ts';
import { RecordKind } from '../../src/local-store/record.ts';
import { randomBytes } from '../blob-service/random-bytes.ts';

const [directory, first] = process.argv.slice(2) as [string, string];
const store = await openLocalStore(directory, {
  reserveBytes: 0,
  packTargetBytes: 50_000,
  compressionThreads: 0,
});
const table = store.table('acknowledged');

async function write(writer: number): Promise<never> {
  for (let seed = Number(first) + writer; ; seed += 4) {
    const bytes = randomBytes(seed % 7000, seed);
    await store.put([
      { kind: RecordKind.chunk, key: hashBytes(bytes).bytes, bytes },
    ]);
    await table.put(Buffer.from(String(seed)), Buffer.from('put'));
    writeSync(1, `${seed}\n`);
  }
}

await Promise.all([0, 1, 2, 3].map(write));

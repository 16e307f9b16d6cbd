/**
 * The program that is killed: it stores trees and registers them, forgets some, and collects garbage all the while. It
 * writes a line for each that it is about to forget (`?`), and that was acknowledged as registered (`+`) or forgotten
 * (`-`).
 */
import { writeSync } from 'node:fs';
import { LocalBlobService } from '../../../src/blob-service/local.ts';
import { B3Digest } from '../../../src/digest/b3-digest.ts';
import { LocalDirectoryService } from '../../../src/directory-service/local.ts';
import { collectGarbage } from '../../../src/local-store/collect/collect-garbage.ts';
import { openLocalStore } from '../../../src/local-store/open-local-store.ts';
import type { Node } from '../../../src/node/node.ts';
import { contentOf, OPTIONS, rootOf } from './killed-trees.ts';

const WRITERS = 16;

const [directory, cycle] = process.argv.slice(2) as [string, string];
const started = Date.now();
/** Ten hours pass between two runs, ten minutes in a second of one. */
const now = (): number =>
  started + Number(cycle) * 10 * 3_600_000 + (Date.now() - started) * 600;
const store = await openLocalStore(directory, { ...OPTIONS, now });
const blobs = new LocalBlobService(store);
const directories = new LocalDirectoryService(store);
const roots = store.table('roots');

async function write(writer: number): Promise<never> {
  for (let seed = 1_000_000 * Number(cycle) + writer; ; seed += WRITERS) {
    await blobs.putMany(contentOf(seed));
    const root = rootOf(seed);
    await directories.put(root);
    const key = Buffer.from(String(seed));
    await roots.put(key, root.digest.bytes);
    writeSync(1, `+${seed}\n`);
    if (seed % 3 === 0) continue;
    writeSync(1, `?${seed}\n`);
    await roots.delete(key);
    writeSync(1, `-${seed}\n`);
  }
}

async function* registered(): AsyncGenerator<Node> {
  for await (const [, digest] of roots.entries())
    yield { type: 'directory', digest: B3Digest.fromBytes(digest), size: 0n };
}

async function collect(): Promise<never> {
  for (;;) {
    const { packs } = await collectGarbage(store, {
      roots: registered(),
      graceMs: 3_600_000,
    });
    // One that has nothing to do never waits.
    await new Promise((resolve) => setImmediate(resolve));
    if (packs.removed > 0) writeSync(1, `packs ${packs.removed}\n`);
  }
}

await Promise.all([
  collect(),
  ...Array.from({ length: WRITERS }, (_, writer) => write(writer)),
]);

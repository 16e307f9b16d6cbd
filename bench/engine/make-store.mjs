// Makes a store through the public API, the same for the same arguments: node make-store.mjs STORE DIRECTORIES ROOTS
// Each directory has 44 files of 200 bytes and 5 of 4 KiB, half of them noise and half text: 50 objects. Every second one
// is pinned, and all are two days old. The file ROOTS gets the digests of the directories, 32 bytes each.
import { writeFileSync } from 'node:fs';
import {
  Directory,
  LocalBlobService,
  LocalDirectoryService,
  openLocalStore,
  pathComponent,
} from '@tvix/castore';
import { LocalStoreCare } from '@tvix/store';

const DAY_MS = 24 * 60 * 60 * 1000;
const SMALL_FILES = 44;
const PAGE_FILES = 5;
const DIRECTORIES_AT_ONCE = 100;

const [folder, count, rootsFile] = process.argv.slice(2);
const now = () => Date.now() - 2 * DAY_MS;
const store = await openLocalStore(folder, { now });
const care = new LocalStoreCare(store);
const blobs = new LocalBlobService(store);
const directories = new LocalDirectoryService(store);
const roots = [];
const bytes = new Uint32Array(1024);
const text = Buffer.alloc(4096);

let previous;
for (let i = 0; i < Number(count); i += DIRECTORIES_AT_ONCE) {
  const number = Math.min(DIRECTORIES_AT_ONCE, Number(count) - i);
  const written = putDirectories(number, i);
  // Two batches on their way: one is made while the other is written.
  await previous;
  previous = written;
}
await previous;
await store.close();
writeFileSync(rootsFile, Buffer.concat(roots));

async function putDirectories(number, first) {
  const files = [];
  for (let i = 0; i < number * (SMALL_FILES + PAGE_FILES); i++)
    files.push(
      fileOf(
        first * (SMALL_FILES + PAGE_FILES) + i,
        i % (SMALL_FILES + PAGE_FILES) < SMALL_FILES ? 200 : 4096,
      ),
    );
  const digests = await blobs.putMany(files);
  const made = [];
  for (let at = 0; at < files.length; at += SMALL_FILES + PAGE_FILES) {
    const entries = [];
    for (let i = at; i < at + SMALL_FILES + PAGE_FILES; i++)
      entries.push({
        name: pathComponent(Buffer.from(`file-${i - at}`)),
        node: {
          type: 'file',
          digest: digests[i],
          size: BigInt(files[i].length),
          executable: false,
        },
      });
    made.push(Directory.fromEntries(entries));
  }
  for (const [i, { digest }] of made.entries()) roots[first + i] = digest.bytes;
  await Promise.all(made.map((directory) => directories.put(directory)));
  await Promise.all(
    made
      .filter((_, i) => i % 2 === 0)
      .map(({ digest }) =>
        care.addPin({
          name: digest.toString(),
          target: { type: 'castore', digest },
        }),
      ),
  );
}

/** Noise, or for each second number the digits of it. */
function fileOf(number, length) {
  let state = (number + 1) * 0x9e3779b1;
  for (let i = 0; i < length / 4; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = state;
  }
  if (number % 2 === 0)
    return Buffer.from(new Uint8Array(bytes.buffer, 0, length));
  text.write(
    Buffer.from(bytes.buffer, 0, length / 2).toString('hex'),
    'latin1',
  );
  return Buffer.from(text.subarray(0, length));
}

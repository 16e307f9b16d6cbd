// One thing done with a store, in a process of its own: node step.mjs STEP STORE ROOTS, prints { seconds, mib, … }.
// `roots` is what make-store.mjs wrote.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  B3Digest,
  countLocalStore,
  LocalBlobService,
  LocalDirectoryService,
  openLocalStore,
} from '@tvix/castore';

const DAY_MS = 24 * 60 * 60 * 1000;
const READS = 100_000;
const BATCH = 256;

/** The peak of what isn't a file that is mapped: the index, whose pages are the kernel's, and the program. */
let ownMib = 0;
setInterval(measureOwn, 50).unref();

const [step, folder, rootsFile] = process.argv.slice(2);
const roots = readFileSync(rootsFile);
const result = await {
  open: openOnly,
  crash,
  'read-single': readSingle,
  'read-batched': readBatched,
  stats,
}[step]();
measureOwn();
const mib = process.resourceUsage().maxRSS / 1024;
console.log(JSON.stringify({ ...result, mib, ownMib }));

function measureOwn() {
  const status = readFileSync('/proc/self/status', 'latin1');
  const kib = Number(/^RssAnon:\s+(\d+)/m.exec(status)[1]);
  ownMib = Math.max(ownMib, kib / 1024);
}

async function openOnly() {
  const { result: store, seconds } = await timed(() => openLocalStore(folder));
  await store.close();
  return { seconds };
}

/** Writes until somebody kills it, and says so once enough is acknowledged that nothing has sealed. */
async function crash() {
  const store = await openLocalStore(folder);
  const blobs = new LocalBlobService(store);
  for (let round = 0; ; round++) {
    await blobs.putMany(Array.from({ length: 5000 }, () => randomBytes(200)));
    if (round === 30) console.log('written');
  }
}

async function readSingle() {
  return reading(async (blobs, digests) => {
    for (const digest of digests) {
      const reader = await blobs.openRead(digest);
      for await (const chunk of reader.read()) use(chunk);
      await reader.close();
    }
  });
}

async function readBatched() {
  return reading(async (blobs, digests) => {
    for (let at = 0; at < digests.length; at += BATCH)
      for (const bytes of await blobs.getMany(digests.slice(at, at + BATCH)))
        use(bytes);
  });
}

/** Read when they were written, so that nobody notes that they are still of use. */
async function reading(read) {
  const now = () => Date.now() - 2 * DAY_MS;
  const store = await openLocalStore(folder, { now });
  const blobs = new LocalBlobService(store);
  const digests = shuffled(await pages(store)).slice(0, READS);
  await read(blobs, digests);
  const { seconds } = await timed(() => read(blobs, digests));
  await store.close();
  return { seconds, perSecond: digests.length / seconds };
}

/** The blobs of 4 KiB. */
async function pages(store) {
  const directories = new LocalDirectoryService(store);
  const digests = [];
  for (const digest of rootDigests())
    for (const { node } of (await directories.get(digest)).entries)
      if (node.size === 4096n) digests.push(node.digest);
  return digests;
}

async function stats() {
  const store = await openLocalStore(folder);
  const { seconds } = await timed(() => countLocalStore(store));
  await store.close();
  return { seconds };
}

async function timed(work) {
  const started = performance.now();
  const result = await work();
  const seconds = (performance.now() - started) / 1000;
  return { result, seconds };
}

function* rootDigests() {
  for (let at = 0; at < roots.length; at += 32)
    yield B3Digest.fromBytes(new Uint8Array(roots.subarray(at, at + 32)));
}

/** Fisher and Yates, the same each time. */
function shuffled(items) {
  let state = 1;
  for (let i = items.length - 1; i > 0; i--) {
    state = Math.imul(state, 1103515245) + 12345;
    const j = (state >>> 1) % (i + 1);
    [items[i], items[j]] = [items[j], items[i]];
  }
  return items;
}

function use(bytes) {
  if (bytes.length === 0) throw new Error('an empty blob');
}

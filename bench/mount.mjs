// A mounted tree of 100,000 files served from a local store, against squashfuse over an image of the same tree, and
// against ext4 itself. Needs root, /dev/fuse, and on Debian: python3 squashfs-tools squashfuse.
import { execFile, spawn } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { appendFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  ingestTree,
  LocalBlobService,
  LocalDirectoryService,
  openLocalStore,
  treeFromDisk,
} from '@tvix/castore';
import { mountFuse } from '@tvix/fs/fuse';
import { median, withScratch } from './measure.mjs';

export const title =
  'A mount of 100,000 files and one of 1 GiB from a local store';

const FILES = Number(process.env.MOUNT_FILES ?? 100_000);
const BIG_MIB = Number(process.env.MOUNT_MIB ?? 1024);
const RUNS = Number(process.env.MOUNT_RUNS ?? 3);

const CLIENT = fileURLToPath(new URL('mount/client.py', import.meta.url));
const execute = promisify(execFile);

/** Seconds that a work takes on a tree. */
async function timed(work, tree) {
  if (work === 'find') {
    const start = performance.now();
    await execute('sh', ['-c', `find "${tree}" -ls > /dev/null`]);
    return (performance.now() - start) / 1000;
  }
  const env = { ...process.env, FILES: `${FILES}` };
  const { stdout } = await execute('python3', [CLIENT, work, tree], { env });
  return Number(stdout);
}

const dropCaches = () =>
  execute('sh', ['-c', 'sync; echo 3 > /proc/sys/vm/drop_caches']);

function makeTree(tree) {
  for (let i = 0; i < FILES; i++) {
    const directory = join(
      tree,
      `d${`${Math.floor(i / 100)}`.padStart(4, '0')}`,
    );
    if (i % 100 === 0) {
      mkdirSync(directory, { recursive: true });
      symlinkSync('f00', join(directory, 'link'));
    }
    writeFileSync(
      join(directory, `f${`${i % 100}`.padStart(2, '0')}`),
      `this is file number ${i}, which says nothing but that it is number ${i}\n`,
    );
  }
  const piece = Buffer.alloc(16 << 20);
  for (let mib = 0; mib < BIG_MIB; mib += 16)
    appendFileSync(join(tree, 'big'), randomFillSync(piece));
}

async function importTree(tree, path) {
  const store = await openLocalStore(path);
  const root = await ingestTree(treeFromDisk(tree), {
    blobs: new LocalBlobService(store),
    directories: new LocalDirectoryService(store),
  });
  await store.close();
  return root.digest.toHex();
}

/** Mounts, works, unmounts. */
async function withOurs({ store, digest, point }, options, work) {
  const mount = await mountFuse({
    mountPoint: point,
    services: {
      module: new URL('mount/services.mjs', import.meta.url),
      options: { store, digest },
    },
    ...options,
  });
  try {
    return await work(point);
  } finally {
    await mount.close();
  }
}

async function withSquashfuse({ image, point }, work) {
  const server = spawn('squashfuse_ll', ['-f', image, point], {
    stdio: 'ignore',
  });
  const exit = new Promise((resolve) => server.once('exit', resolve));
  for (;;) {
    const { stdout } = await execute('cat', ['/proc/mounts']);
    if (stdout.includes(` ${point} `)) break;
  }
  try {
    return await work(point);
  } finally {
    await execute('umount', [point]);
    await exit;
  }
}

/** Medians of a work's first and second pass over a fresh mount, both contenders in turn. */
async function coldAndWarm(work, contenders) {
  const seconds = contenders.map(() => ({ cold: [], warm: [] }));
  for (let i = 0; i < RUNS; i++) {
    for (const [index, mounted] of contenders.entries()) {
      await dropCaches();
      await mounted(async (tree) => {
        seconds[index].cold.push(await timed(work, tree));
        seconds[index].warm.push(await timed(work, tree));
      });
    }
  }
  return seconds.map(({ cold, warm }) => ({
    cold: median(cold),
    warm: median(warm),
  }));
}

function row(work, ours, name, theirs) {
  return {
    work,
    ours: `${ours.toFixed(2)} s`,
    against: `${name}: ${theirs.toFixed(2)} s`,
    speed: `${(theirs / ours).toFixed(2)} ×`,
  };
}

/** One row a work. */
export function run() {
  return withScratch(measure);
}

async function measure(folder) {
  const at = {
    store: join(folder, 'store'),
    image: join(folder, 'image'),
    point: join(folder, 'mount'),
  };
  const tree = join(folder, 'tree');
  mkdirSync(tree);
  mkdirSync(at.point);
  makeTree(tree);
  at.digest = await importTree(tree, at.store);
  await execute('mksquashfs', [
    tree,
    at.image,
    '-comp',
    'zstd',
    '-Xcompression-level',
    '1',
    '-quiet',
    '-no-progress',
  ]);

  const ours = (work) => withOurs(at, {}, work);
  const direct = (work) =>
    withOurs(at, { passthrough: { directory: folder } }, work);
  const squashfuse = (work) => withSquashfuse(at, work);
  const ext4 = (work) => work(tree);
  const found = [];
  for (const [work, label] of [
    ['find', '`find -ls`, cold'],
    ['lstat', '40,000 `lstat`, cold'],
    ['random', '20,000 random reads of 4 KiB, cold'],
  ]) {
    const [mine, theirs] = await coldAndWarm(work, [ours, squashfuse]);
    found.push(row(label, mine.cold, 'squashfuse_ll', theirs.cold));
  }
  const [small, smallExt4] = await coldAndWarm('small', [ours, ext4]);
  found.push(
    row(
      'open, read, close 20,000 files, warm',
      small.warm,
      'ext4',
      smallExt4.warm,
    ),
  );
  const [flow, flowSquash, flowExt4] = await coldAndWarm('sequential', [
    ours,
    squashfuse,
    ext4,
  ]);
  found.push(
    row('sequential read, first', flow.cold, 'squashfuse_ll', flowSquash.cold),
    row('sequential read, second', flow.warm, 'ext4', flowExt4.warm),
  );
  for (const [work, label] of [
    ['sequential', 'sequential read, passthrough'],
    ['mapped', 'read through `mmap`, passthrough'],
  ]) {
    const [mine, theirs] = await coldAndWarm(work, [direct, ext4]);
    found.push(row(label, mine.warm, 'ext4', theirs.warm));
  }
  return found;
}

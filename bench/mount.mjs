// A mounted tree of 100,000 files served from a local store, against squashfuse over an image of the same tree, and
// against ext4 itself; in a guest, against qemu's own daemon. Needs root, /dev/fuse, and on Debian: python3 squashfs-tools
// squashfuse; for the guest qemu-system-x86 qemu-system-common busybox-static cpio. `MOUNT_ONLY=random,sequential` measures
// some of find, lstat, random, small, sequential, passthrough, guest; `MOUNT_RUNS`, `MOUNT_FILES` and `MOUNT_MIB` say how
// often and with how much.
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
import { serveVirtiofs } from '@tvix/fs/virtiofs';
import { median, withScratch } from './measure.mjs';
import { missingForGuest, timeGuest, withVirtiofsd } from './mount/guest.mjs';
import { openServices } from './mount/services.mjs';

export const title =
  'A mount of 100,000 files and one of 1 GiB from a local store';

const FILES = Number(process.env.MOUNT_FILES ?? 100_000);
const BIG_MIB = Number(process.env.MOUNT_MIB ?? 1024);
const RUNS = Number(process.env.MOUNT_RUNS ?? 3);

const ONLY = process.env.MOUNT_ONLY?.split(',');
/** As much as a guest reads, which is slow. */
const GUEST_MIB = Math.min(256, BIG_MIB);

const isWanted = (work) => ONLY === undefined || ONLY.includes(work);

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

/** Shows the store to one guest. */
async function withVirtiofs({ store, digest }, socket, work) {
  const { close, ...services } = await openServices({ store, digest });
  const server = await serveVirtiofs({ socket, ...services });
  try {
    return await work(socket);
  } finally {
    await server.close();
    await close();
  }
}

/** What a guest sees, booted on ours and on qemu's own daemon in turn. */
async function guestRows(at, tree) {
  const missing = missingForGuest();
  if (missing !== undefined) {
    console.error(`no guest: there is no ${missing}`);
    return [];
  }
  const socket = `${at.point}.socket`;
  const mine = [];
  const theirs = [];
  for (let i = 0; i < RUNS; i++) {
    await dropCaches();
    mine.push(
      await withVirtiofs(at, socket, (path) =>
        timeGuest(path, tree, GUEST_MIB),
      ),
    );
    await dropCaches();
    theirs.push(
      await withVirtiofsd(tree, socket, (path) =>
        timeGuest(path, tree, GUEST_MIB),
      ),
    );
  }
  return [
    ['find', '`find` of 5,000 files in a guest, cold'],
    ['describe', '`ls -lR` of 5,000 files in a guest, cold'],
    ['read', `sequential read of ${GUEST_MIB} MiB in a guest, cold`],
  ].map(([work, label]) =>
    row(
      label,
      median(mine.map((times) => times[work])),
      "qemu's virtiofsd",
      median(theirs.map((times) => times[work])),
    ),
  );
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
    if (!isWanted(work)) continue;
    const [mine, theirs] = await coldAndWarm(work, [ours, squashfuse]);
    found.push(row(label, mine.cold, 'squashfuse_ll', theirs.cold));
  }
  if (isWanted('small')) {
    const [mine, theirs] = await coldAndWarm('small', [ours, ext4]);
    found.push(
      row(
        'open, read, close 20,000 files, warm',
        mine.warm,
        'ext4',
        theirs.warm,
      ),
    );
  }
  if (isWanted('sequential')) {
    const [mine, squash, disk] = await coldAndWarm('sequential', [
      ours,
      squashfuse,
      ext4,
    ]);
    found.push(
      row('sequential read, first', mine.cold, 'squashfuse_ll', squash.cold),
      row('sequential read, second', mine.warm, 'ext4', disk.warm),
    );
  }
  if (isWanted('guest')) found.push(...(await guestRows(at, tree)));
  if (!isWanted('passthrough')) return found;
  for (const [work, label] of [
    ['sequential', 'sequential read, passthrough'],
    ['mapped', 'read through `mmap`, passthrough'],
  ]) {
    const [mine, theirs] = await coldAndWarm(work, [direct, ext4]);
    found.push(row(label, mine.warm, 'ext4', theirs.warm));
  }
  return found;
}

// Importing what was imported before: how long that takes, and what it adds to a store.
import { execFileSync } from 'node:child_process';
import { createCipheriv } from 'node:crypto';
import {
  appendFileSync,
  createReadStream,
  createWriteStream,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { once, race, tvixStore } from '../measure.mjs';

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;

/** The rows of the table; `folder` is scratch. */
export async function againRows(folder) {
  return [
    await unchanged(folder),
    await secondVersion(folder),
    await againstRestic(folder),
  ];
}

async function unchanged(folder) {
  const store = `${folder}/unchanged`;
  const env = { XDG_CACHE_HOME: `${folder}/cache` };
  const command = tvixStore(`import --store 'local:${store}' /usr/share`);
  const [first] = await race([
    {
      name: 'first',
      before: `rm -rf '${store}' '${folder}/cache'`,
      command,
      env,
    },
  ]);
  const [second] = await race([{ name: 'second', command, env }]);
  return {
    work: 'import of /usr/share again',
    ours: `${second.seconds.toFixed(2)} s, ${second.mib.toFixed(0)} MiB`,
    against: `the first time: ${first.seconds.toFixed(2)} s; at least 10 ×`,
    speed: `${(first.seconds / second.seconds).toFixed(2)} ×`,
  };
}

/** 1 % of the files get a line more, and a file of 1 GiB a KiB in front. */
async function secondVersion(folder) {
  const store = `${folder}/versions`;
  const tree = `${folder}/tree`;
  const command = tvixStore(
    `import --no-file-cache --store 'local:${store}' '${tree}'`,
  );
  execFileSync('cp', ['-a', '/usr/share', tree]);
  const large = join(tree, 'large');
  await pipeline(noise(GIB), createWriteStream(large));
  await once(command);
  const before = storedBytes(store);
  const files = readdirSync(tree, { recursive: true, withFileTypes: true });
  for (const [i, entry] of files.filter((file) => file.isFile()).entries())
    if (i % 100 === 0) appendFileSync(join(entry.path, entry.name), 'more\n');
  await pipeline(noise(1024), createWriteStream(`${large}.new`));
  await pipeline(
    createReadStream(large),
    createWriteStream(`${large}.new`, { flags: 'a' }),
  );
  renameSync(`${large}.new`, large);
  await once(command);
  const added = storedBytes(store) - before;
  for (const path of [tree, store]) rmSync(path, { recursive: true });
  return {
    work: 'second version: 1 % of files changed, 1 KiB before 1 GiB',
    ours: `${(added / MIB).toFixed(1)} MiB more`,
    against: `${(before / MIB).toFixed(0)} MiB before; at most 3 %`,
    speed: `${((100 * added) / before).toFixed(2)} %`,
  };
}

async function againstRestic(folder) {
  const repository = `${folder}/restic`;
  const restic = `restic -q -r '${repository}'`;
  const env = { RESTIC_PASSWORD: 'bench', HOME: folder };
  await once(`${restic} init && ${restic} backup /usr/share`, env);
  const ours = storedBytes(`${folder}/unchanged`);
  const theirs = storedBytes(repository);
  return {
    work: '/usr/share on the disk, without the reserve',
    ours: `${(ours / MIB).toFixed(1)} MiB`,
    against: `restic: ${(theirs / MIB).toFixed(1)} MiB; at most 5 % more`,
    speed: `${((100 * ours) / theirs - 100).toFixed(1)} %`,
  };
}

/** Bytes that don't compress, and are the same each time. */
async function* noise(length) {
  const cipher = createCipheriv(
    'aes-128-ctr',
    Buffer.alloc(16),
    Buffer.alloc(16, length % 251),
  );
  const zeros = Buffer.alloc(Math.min(length, MIB));
  for (let at = 0; at < length; at += zeros.length) yield cipher.update(zeros);
}

/** What a store's files take, but for the space that it keeps free. */
function storedBytes(store) {
  return readdirSync(store, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== 'reserve')
    .reduce((sum, { path, name }) => sum + statSync(join(path, name)).size, 0);
}

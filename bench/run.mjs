// `npm run bench [-- TABLE…]`: measures built packages, each table against named programs in the same run.
// Needs, on Debian: b3sum borgbackup nginx-light nix-bin restic time zstd; for `mount` root, python3 squashfs-tools squashfuse,
// and for its guest qemu-system-x86 qemu-system-common busybox-static cpio.
import { execFileSync } from 'node:child_process';
import { cpus, totalmem } from 'node:os';
import { table } from './measure.mjs';

const TABLES = [
  'hash',
  'nar',
  'import',
  'store',
  'engine',
  'grpc',
  'binary-cache',
  'mount',
];

const wanted = process.argv.slice(2);
execFileSync('npx', ['nx', 'run-many', '-t', 'build'], {
  stdio: 'ignore',
  env: { ...process.env, NX_DAEMON: 'false' },
});
console.log(
  `Node ${process.version}, ${cpus().length} × ${cpus()[0].model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB\n`,
);
for (const name of TABLES.filter(
  (candidate) => wanted.length === 0 || wanted.includes(candidate),
)) {
  const { title, run } = await import(`./${name}.mjs`);
  console.log(`## ${title}\n\n${table(await run())}\n`);
}

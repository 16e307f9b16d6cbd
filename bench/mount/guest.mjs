// A guest of Debian's own kernel, without acceleration, that mounts a socket's file system and times itself.
import { spawn, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MAKE_GUEST = fileURLToPath(
  new URL('../../e2e/guest/make-guest.sh', import.meta.url),
);
/** As Debian 12 installs it with qemu. */
const VIRTIOFSD = '/usr/lib/qemu/virtiofsd';
const LIMIT_MS = 120_000;

/**
 * What the guest does: seconds of uptime before and after each work, how many entries it found and described, and the
 * checksum of what it read, which it reads once more for that. The folders are those of the first 10,000 files: qemu's
 * daemon holds a descriptor for each entry that the guest knows, and gives up where a process may not have so many.
 */
const SCRIPT = `t() { cut -d' ' -f1 /proc/uptime; }
a=$(t); find /mnt/d00[0-4]* > /tmp/found; b=$(t)
ls -lR /mnt/d00[5-9]* > /tmp/described; c=$(t)
dd if=/mnt/big of=/dev/null bs=1M count=GUEST_MIB; d=$(t)
echo "times $a $b $c $d"
echo "saw $(wc -l < /tmp/found) $(grep -c '^[-l]' /tmp/described) $(dd if=/mnt/big bs=1M count=GUEST_MIB | md5sum)"
`;

/** Why there is no guest here; `undefined` where there can be. */
export function missingForGuest() {
  if (!existsSync(VIRTIOFSD)) return VIRTIOFSD;
  return ['/usr/bin/qemu-system-x86_64', '/bin/busybox'].find(
    (path) => !existsSync(path),
  );
}

/** Serves a folder as qemu's own daemon does, while a work lasts. */
export async function withVirtiofsd(folder, socket, work) {
  const server = spawn(
    VIRTIOFSD,
    [
      `--socket-path=${socket}`,
      '-o',
      `source=${folder}`,
      '-o',
      'cache=always',
      '-o',
      'sandbox=chroot',
    ],
    { stdio: 'ignore' },
  );
  const exit = new Promise((resolve) => server.once('exit', resolve));
  try {
    while (!existsSync(socket))
      await new Promise((resolve) => setTimeout(resolve, 20));
    return await work(socket);
  } finally {
    server.kill();
    await exit;
  }
}

/** What a guest is to see of a tree: as it prints it. */
async function expectedOf(tree, mib) {
  const folders = readdirSync(tree).filter((name) => name.startsWith('d00'));
  const found = { folders: 0, files: 0, described: 0 };
  for (const name of folders) {
    const { length } = readdirSync(join(tree, name));
    if (name < 'd005') found.folders++;
    found[name < 'd005' ? 'files' : 'described'] += length;
  }
  const hash = createHash('md5');
  const end = mib * 2 ** 20 - 1;
  for await (const chunk of createReadStream(join(tree, 'big'), { end }))
    hash.update(chunk);
  return `saw ${found.folders + found.files} ${found.described} ${hash.digest('hex')}`;
}

/**
 * Boots a guest on a socket that shows a tree: the seconds of its `find`, of its `ls -lR`, and of reading as many MiB of
 * `big`. Fails unless the guest has seen all of it.
 */
export async function timeGuest(socket, tree, mib) {
  const folder = execFileSync(MAKE_GUEST, { encoding: 'utf8' }).trim();
  const script = SCRIPT.replaceAll('GUEST_MIB', mib);
  const qemu = spawn(
    'qemu-system-x86_64',
    [
      '-machine q35,accel=tcg,memory-backend=memory -cpu max -m 512M',
      '-object memory-backend-memfd,id=memory,size=512M,share=on',
      `-chardev socket,id=tvix,path=${socket}`,
      '-device vhost-user-fs-pci,queue-size=1024,chardev=tvix,tag=tvix',
      `-kernel ${folder}/vmlinuz -initrd ${folder}/initrd.img`,
      '-nographic -nodefaults -serial stdio -no-reboot',
    ]
      .join(' ')
      .split(' ')
      .concat(
        '-append',
        `console=ttyS0 panic=-1 quiet guest.script=${Buffer.from(script).toString('hex')}`,
      ),
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: LIMIT_MS,
      killSignal: 'SIGKILL',
    },
  );
  let output = '';
  qemu.stdout.on('data', (chunk) => (output += chunk));
  await new Promise((resolve) => qemu.once('close', resolve));
  const [, a, b, c, d] = /times (\S+) (\S+) (\S+) (\S+)/.exec(output) ?? [];
  const expected = await expectedOf(tree, mib);
  if (d === undefined || !output.includes(expected))
    throw new Error(`a guest that should have said "${expected}":\n${output}`);
  return { find: b - a, describe: c - b, read: d - c };
}

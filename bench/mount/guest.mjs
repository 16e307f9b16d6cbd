// A guest of Debian's own kernel, without acceleration, that mounts a socket's file system and times itself.
import { spawn, execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const MAKE_GUEST = fileURLToPath(
  new URL('../../e2e/guest/make-guest.sh', import.meta.url),
);
/** As Debian 12 installs it with qemu. */
const VIRTIOFSD = '/usr/lib/qemu/virtiofsd';
const LIMIT_MS = 120_000;

/** What the guest does: seconds of uptime before and after each work. */
const SCRIPT = `t() { cut -d' ' -f1 /proc/uptime; }
a=$(t); find /mnt > /dev/null; b=$(t)
dd if=/mnt/big of=/dev/null bs=1M count=GUEST_MIB 2> /dev/null; c=$(t)
echo "times $a $b $c"
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

/** Boots a guest on a socket: the seconds of its `find`, and of reading as many MiB of `big`. */
export async function timeGuest(socket, mib) {
  const folder = execFileSync(MAKE_GUEST, { encoding: 'utf8' }).trim();
  const script = Buffer.from(SCRIPT.replace('GUEST_MIB', mib)).toString('hex');
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
      .concat('-append', `console=ttyS0 panic=-1 quiet guest.script=${script}`),
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: LIMIT_MS,
      killSignal: 'SIGKILL',
    },
  );
  let output = '';
  qemu.stdout.on('data', (chunk) => (output += chunk));
  await new Promise((resolve) => qemu.once('close', resolve));
  const [, a, b, c] = /times (\S+) (\S+) (\S+)/.exec(output) ?? [];
  if (c === undefined) throw new Error(`the guest failed:\n${output}`);
  return { find: b - a, read: c - b };
}

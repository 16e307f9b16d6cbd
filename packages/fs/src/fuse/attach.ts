/** Gets a descriptor of `/dev/fuse` with a mount behind it: as root through `mount(8)`, as a user through `fusermount3`. */
import { close as closeDescriptor, constants, open } from 'node:fs';
import { promisify } from 'node:util';
import { FsError } from '../errors.ts';
import type { Libc } from './libc.ts';
import {
  DEFAULT_FS_NAME,
  mountOptionText,
  userMountOptionText,
} from './mount-options.ts';
import type { KernelMountOptions } from './mount-options.ts';
import { run } from './run.ts';

/** Closes a descriptor. */
export const closeFd: (fd: number) => Promise<void> =
  promisify(closeDescriptor);

/**
 * Mounts as root.
 *
 * @throws FsError `fs/unsupported` without `/dev/fuse`, `fs/mount-failed`
 */
export async function attachAsRoot(
  mountPoint: string,
  options: KernelMountOptions,
): Promise<number> {
  const fd = await openDevice();
  const name = options.fsName ?? DEFAULT_FS_NAME;
  // `-i`: no helper program, which would look for one named after the type.
  const { status, message } = await run(
    'mount',
    [
      ...'-i -t fuse -o'.split(' '),
      mountOptionText(3, options),
      '--',
      name,
      mountPoint,
    ],
    { descriptors: [fd] },
  );
  if (status === 0) return fd;
  await closeFd(fd);
  throw new FsError('fs/mount-failed', `mounting ${mountPoint}: ${message}`);
}

/**
 * Mounts as any user. `fusermount3` sends the descriptor through a socket.
 *
 * @throws FsError `fs/unsupported` without koffi, `fs/mount-failed`
 */
export async function attachAsUser(
  mountPoint: string,
  options: KernelMountOptions,
  libc: Libc | undefined,
): Promise<number> {
  if (libc === undefined)
    throw new FsError(
      'fs/unsupported',
      'mounting as a user needs the optional package koffi',
    );
  const pair = libc.socketPair();
  if (typeof pair === 'number')
    throw new FsError('fs/mount-failed', `socketpair: errno ${-pair}`);
  const [ours, theirs] = pair;
  try {
    const { status, message } = await run(
      'fusermount3',
      ['-o', userMountOptionText(options), '--', mountPoint],
      {
        descriptors: [theirs],
        env: { ...process.env, _FUSE_COMMFD: '3' },
      },
    );
    if (status !== 0)
      throw new FsError(
        'fs/mount-failed',
        `mounting ${mountPoint} through fusermount3: ${message}`,
      );
    const fd = libc.receiveDescriptor(ours);
    if (fd >= 0) return fd;
    throw new FsError('fs/mount-failed', `recvmsg: errno ${-fd}`);
  } finally {
    await closeFd(ours);
    await closeFd(theirs);
  }
}

async function openDevice(): Promise<number> {
  try {
    return await promisify(open)(
      '/dev/fuse',
      constants.O_RDWR | constants.O_NONBLOCK,
    );
  } catch (cause) {
    throw new FsError(
      'fs/unsupported',
      `/dev/fuse can't be opened: ${(cause as Error).message}`,
      { cause },
    );
  }
}

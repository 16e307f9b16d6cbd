import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { createInterface } from 'node:readline';
import type { Duplex } from 'node:stream';
import { FsError } from '../errors.ts';
import { loadLibc } from './libc.ts';
import type { Libc } from './libc.ts';
import { DEFAULT_FS_NAME, mountOptionText } from './mount-options.ts';
import { servicesOf, sessionOf } from './mount.ts';
import type { MountFuseOptions } from './mount.ts';
import { FuseServer } from './server.ts';

/** What to run, and what it sees. */
export type ExecOptions = MountFuseOptions & {
  /** The program and its arguments. */
  readonly command: readonly [program: string, ...args: string[]];
  readonly env?: NodeJS.ProcessEnv;
};

/** The descriptor of `/dev/fuse` in the process that becomes the command. */
const DEVICE_FD = 5;

/**
 * Runs inside the new namespace. The kernel wants `/dev/fuse` to be opened in the user namespace that mounts, so it
 * is opened here and taken over by the server, through descriptors 3 (what we are told) and 4 (what we tell).
 */
const SCRIPT = `exec ${DEVICE_FD}<>/dev/fuse && echo opened >&4 && read -r line <&3 || exit 125
mount -i -t fuse -o "$1" -- "$2" "$3" || exit 125
echo mounted >&4
read -r line <&3 || exit 125
shift 3
exec "$@" 3<&- 4>&- ${DEVICE_FD}>&-`;

/**
 * Runs a command in a mount namespace of its own, in which castore nodes are mounted; nobody else sees them. Needs no
 * privilege but that of creating user namespaces: the command of an ordinary user then finds itself to be root, with no
 * more rights than before.
 *
 * Resolves with the command's exit status, or 128 plus the number of the signal that ended it. Whatever the command
 * leaves running finds the mount dead. When the signal fires, the command is sent SIGTERM.
 *
 * @throws FsError `fs/unsupported`, `fs/mount-failed`, `fs/services-failed`; the reason of the signal if it has fired
 */
export async function execWithMount(options: ExecOptions): Promise<number> {
  const { signal } = options;
  signal?.throwIfAborted();
  const libc = loadLibc();
  if (libc === undefined)
    throw new FsError(
      'fs/unsupported',
      'mounting in a namespace needs Linux and the optional package koffi',
    );
  const server = await FuseServer.start(
    servicesOf(options),
    sessionOf(options),
    options,
  );
  const child = start(options);
  const status = exitStatus(child);
  // Where it couldn't be started, that is known before anybody waits for it.
  status.catch(() => undefined);
  const terminate = (): void => void child.kill('SIGTERM');
  if (signal?.aborted) terminate();
  signal?.addEventListener('abort', terminate, { once: true });
  try {
    await serveChild(child, server, libc);
    return await status;
  } catch (error) {
    child.kill();
    await status;
    throw error;
  } finally {
    signal?.removeEventListener('abort', terminate);
    server.stop();
    await server.ended;
  }
}

function start(options: ExecOptions): ChildProcess {
  const isRoot = process.getuid?.() === 0;
  const { mountPoint, command, fsName = DEFAULT_FS_NAME } = options;
  return spawn(
    'unshare',
    [
      isRoot ? '-m' : '-Urm',
      '--propagation',
      'private',
      'sh',
      '-c',
      SCRIPT,
      'sh',
      mountOptionText(DEVICE_FD, options),
      fsName,
      mountPoint,
      ...command,
    ],
    {
      stdio: ['inherit', 'inherit', 'inherit', 'pipe', 'pipe'],
      env: options.env ?? process.env,
    },
  );
}

/** Takes the device over, lets the child mount, and serves what it mounted before the command starts. */
async function serveChild(
  child: ChildProcess,
  server: FuseServer,
  libc: Libc,
): Promise<void> {
  const [, , , tell, told] = child.stdio as unknown as Duplex[];
  const lines = createInterface({ input: told! })[Symbol.asyncIterator]();
  const failed = (): FsError =>
    new FsError(
      'fs/mount-failed',
      'mounting in a namespace failed (the reason is on stderr)',
    );
  // Writing to a child that gave up is no failure of its own.
  tell!.on('error', () => undefined);
  if ((await lines.next()).value !== 'opened') throw failed();
  const fd = libc.takeDescriptor(child.pid!, DEVICE_FD);
  if (fd < 0) throw new FsError('fs/mount-failed', `pidfd_getfd: errno ${-fd}`);
  tell!.write('mount\n');
  if ((await lines.next()).value !== 'mounted') throw failed();
  await server.serve(fd);
  tell!.write('go\n');
}

async function exitStatus(child: ChildProcess): Promise<number> {
  try {
    const [code, signal] = (await once(child, 'exit')) as [
      number | null,
      NodeJS.Signals | null,
    ];
    return code ?? 128 + signalNumber(signal);
  } catch (cause) {
    throw new FsError('fs/unsupported', 'unshare(1) could not be started', {
      cause,
    });
  }
}

function signalNumber(signal: NodeJS.Signals | null): number {
  return signal === null ? 0 : constants.signals[signal];
}

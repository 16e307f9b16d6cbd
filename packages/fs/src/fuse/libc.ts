/**
 * The system calls that Node lacks, through koffi: the one module that knows of it. `koffi.node.poll` is undocumented,
 * which is why the version of koffi is pinned.
 */
import { createRequire } from 'node:module';

/** Watches a descriptor until closed. */
export interface Watch {
  close(): void;
}

/** What is needed of the C library. Calls that fail answer with the negative errno. */
export interface Libc {
  /** Calls back in each turn of the event loop in which there is something to read. */
  watch(fd: number, onReadable: () => void): Watch;
  read(fd: number, buffer: Uint8Array): number;
  /** Makes reads answer at once. */
  setNonBlocking(fd: number): number;
  /** Any `ioctl` that takes a pointer. */
  ioctl(fd: number, request: number, argument: Uint8Array): number;
  /** A connected pair of local sockets, closed on exec. */
  socketPair(): [number, number] | number;
  /** The descriptor that came with the next message of a socket, closed on exec. */
  receiveDescriptor(socket: number): number;
  /** A copy of a descriptor of another process, closed on exec. */
  takeDescriptor(pid: number, fd: number): number;
}

/** What is used of koffi. */
export interface Koffi {
  load(path: null): { func(prototype: string): (...args: unknown[]) => number };
  errno(): number;
  address(value: unknown): bigint;
  /** Foreign memory as an ArrayBuffer, without a copy. */
  view(address: bigint, length: number): ArrayBuffer;
  node: {
    poll(fd: number, options: object, callback: () => void): Watch;
  };
}

const AF_UNIX = 1;
const SOCK_STREAM_CLOEXEC = 1 | 0o2000000;
const F_GETFL = 3;
const F_SETFL = 4;
const O_NONBLOCK = 0o4000;
const MSG_DONTWAIT_CLOEXEC = 0x40 | 0x40000000;
const SYS_PIDFD_OPEN = 434;
const SYS_PIDFD_GETFD = 438;
const EPROTO = 71;

/** Loads the C library of Linux; `undefined` where koffi has no binary for this platform or wasn't installed. */
export function loadLibc(): Libc | undefined {
  const koffi = loadKoffi();
  return koffi && bind(koffi);
}

/** Loads koffi; `undefined` in the same cases. */
export function loadKoffi(): Koffi | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    return createRequire(import.meta.url)('koffi') as Koffi;
  } catch {
    return undefined;
  }
}

function bind(koffi: Koffi): Libc {
  const lib = koffi.load(null);
  const read = lib.func('long read(int fd, _Out_ uint8_t *to, size_t length)');
  const fcntl = lib.func('int fcntl(int fd, int command, int argument)');
  const ioctl = lib.func(
    'int ioctl(int fd, unsigned long request, _Inout_ uint8_t *argument)',
  );
  const socketpair = lib.func(
    'int socketpair(int domain, int type, int protocol, _Out_ int *pair)',
  );
  const recvmsg = lib.func(
    'long recvmsg(int fd, _Inout_ uint8_t *header, int flags)',
  );
  const syscall = lib.func('long syscall(long number, long a, long b, long c)');
  const close = lib.func('int close(int fd)');
  const checked = (result: number): number =>
    result < 0 ? -koffi.errno() : result;
  return {
    watch: (fd, onReadable) =>
      koffi.node.poll(fd, { readable: true, disconnect: true }, onReadable),
    read: (fd, buffer) => checked(read(fd, buffer, buffer.length)),
    setNonBlocking(fd) {
      const flags = checked(fcntl(fd, F_GETFL, 0));
      return flags < 0
        ? flags
        : checked(fcntl(fd, F_SETFL, flags | O_NONBLOCK));
    },
    ioctl: (fd, request, argument) => checked(ioctl(fd, request, argument)),
    socketPair() {
      const pair = new Int32Array(2);
      const result = checked(socketpair(AF_UNIX, SOCK_STREAM_CLOEXEC, 0, pair));
      return result < 0 ? result : [pair[0]!, pair[1]!];
    },
    receiveDescriptor(socket) {
      const message = new DescriptorMessage(koffi);
      const result = checked(
        recvmsg(socket, message.header, MSG_DONTWAIT_CLOEXEC),
      );
      return result < 0 ? result : (message.descriptor ?? -EPROTO);
    },
    takeDescriptor(pid, fd) {
      const process = checked(syscall(SYS_PIDFD_OPEN, pid, 0, 0));
      if (process < 0) return process;
      const copy = checked(syscall(SYS_PIDFD_GETFD, process, fd, 0));
      close(process);
      return copy;
    },
  };
}

/** The `struct msghdr` of a message of one byte and one descriptor, as 64-bit Linux lays it out. */
class DescriptorMessage {
  readonly header: Buffer = Buffer.alloc(56);
  // The header points at these three: they live as long as it does.
  readonly #byte = Buffer.alloc(8);
  readonly #vector = Buffer.alloc(16);
  readonly #control = Buffer.alloc(24);

  constructor(koffi: Koffi) {
    this.#vector.writeBigUInt64LE(koffi.address(this.#byte), 0);
    this.#vector.writeBigUInt64LE(1n, 8);
    this.header.writeBigUInt64LE(koffi.address(this.#vector), 16);
    this.header.writeBigUInt64LE(1n, 24);
    this.header.writeBigUInt64LE(koffi.address(this.#control), 32);
    this.header.writeBigUInt64LE(BigInt(this.#control.length), 40);
  }

  /** What came: `SCM_RIGHTS` of `SOL_SOCKET` with one descriptor. */
  get descriptor(): number | undefined {
    const length = Number(this.#control.readBigUInt64LE(0));
    const isRights =
      this.#control.readInt32LE(8) === 1 && this.#control.readInt32LE(12) === 1;
    return isRights && length >= 20 ? this.#control.readInt32LE(16) : undefined;
  }
}

import { loadKoffi, loadLibc } from '../fuse/libc.ts';
import type { Koffi, Libc } from '../fuse/libc.ts';

/** What came in one read from a socket. */
export interface Received {
  readonly length: number;
  /** Closed on exec. */
  readonly descriptors: readonly number[];
  /** Whether more descriptors came than were expected; those are closed already. */
  readonly isCut: boolean;
}

/** What virtiofs needs of the C library beyond {@link Libc}. Calls that fail answer with the negative errno. */
export interface VirtiofsLibc extends Pick<
  Libc,
  'watch' | 'read' | 'setNonBlocking'
> {
  /** A unix socket that listens at a path; nothing may be there. */
  listen(path: Uint8Array): number;
  /** The next connection, in which reads and writes answer at once. */
  accept(fd: number): number;
  /** Reads from a socket. */
  receive(
    fd: number,
    buffer: Uint8Array,
    maxDescriptors: number,
  ): Received | number;
  /** Maps the beginning of a file, shared, to read and write; answers the address. */
  map(fd: number, length: number): number;
  unmap(address: number, length: number): void;
  /** Memory as a buffer, which mustn't be touched once the memory is unmapped. */
  view(address: number, length: number): ArrayBuffer;
}

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK_CLOEXEC = 0o4000 | 0o2000000;
const BACKLOG = 16;
/** Of `sun_path`, with a NUL at its end. */
const PATH_BYTES = 108;
const ENAMETOOLONG = 36;
const MSG_DONTWAIT_CLOEXEC = 0x40 | 0x40000000;
const MSG_CTRUNC = 8;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;

/** Loads the C library of Linux; `undefined` where koffi has no binary for this platform or wasn't installed. */
export function loadVirtiofsLibc(): VirtiofsLibc | undefined {
  const koffi = loadKoffi();
  const libc = loadLibc();
  return koffi && libc && { ...libc, ...bind(koffi) };
}

function bind(koffi: Koffi): Omit<VirtiofsLibc, keyof Libc> {
  const lib = koffi.load(null);
  const socket = lib.func('int socket(int domain, int type, int protocol)');
  const bindTo = lib.func(
    'int bind(int fd, const uint8_t *address, unsigned int length)',
  );
  const listen = lib.func('int listen(int fd, int backlog)');
  const accept4 = lib.func(
    'int accept4(int fd, void *address, void *length, int flags)',
  );
  const recvmsg = lib.func(
    'long recvmsg(int fd, _Inout_ uint8_t *header, int flags)',
  );
  const close = lib.func('int close(int fd)');
  const mmap = lib.func(
    'long mmap(void *hint, size_t length, int protection, int flags, int fd, long offset)',
  );
  const munmap = lib.func('int munmap(long address, size_t length)');
  const checked = (result: number): number =>
    result < 0 ? -koffi.errno() : result;
  return {
    listen(path) {
      if (path.length >= PATH_BYTES) return -ENAMETOOLONG;
      const address = Buffer.alloc(2 + PATH_BYTES);
      address.writeUInt16LE(AF_UNIX, 0);
      address.set(path, 2);
      const fd = checked(
        socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK_CLOEXEC, 0),
      );
      if (fd < 0) return fd;
      let result = checked(bindTo(fd, address, address.length));
      if (result >= 0) result = checked(listen(fd, BACKLOG));
      if (result >= 0) return fd;
      close(fd);
      return result;
    },
    accept: (fd) => checked(accept4(fd, null, null, SOCK_NONBLOCK_CLOEXEC)),
    receive(fd, buffer, maxDescriptors) {
      const message = new SocketMessage(koffi, buffer, maxDescriptors);
      const length = checked(recvmsg(fd, message.header, MSG_DONTWAIT_CLOEXEC));
      return length < 0 ? length : message.received(length);
    },
    map: (fd, length) =>
      checked(mmap(null, length, PROT_READ_WRITE, MAP_SHARED, fd, 0)),
    unmap: (address, length) => void munmap(address, length),
    view: (address, length) => koffi.view(BigInt(address), length),
  };
}

/** The `struct msghdr` of a message with descriptors, as 64-bit Linux lays it out. */
class SocketMessage {
  readonly header: Buffer = Buffer.alloc(56);
  // The header points at these: they live as long as it does.
  readonly #vector = Buffer.alloc(16);
  readonly #control: Buffer;

  constructor(koffi: Koffi, buffer: Uint8Array, maxDescriptors: number) {
    this.#control = Buffer.alloc(16 + ((maxDescriptors * 4 + 7) & ~7));
    this.#vector.writeBigUInt64LE(koffi.address(buffer), 0);
    this.#vector.writeBigUInt64LE(BigInt(buffer.length), 8);
    this.header.writeBigUInt64LE(koffi.address(this.#vector), 16);
    this.header.writeBigUInt64LE(1n, 24);
    this.header.writeBigUInt64LE(koffi.address(this.#control), 32);
    this.header.writeBigUInt64LE(BigInt(this.#control.length), 40);
  }

  received(length: number): Received {
    const flags = this.header.readInt32LE(48);
    return {
      length,
      descriptors: [...this.#descriptors()],
      isCut: (flags & MSG_CTRUNC) !== 0,
    };
  }

  /** The contents of the control message, if it is `SCM_RIGHTS` of `SOL_SOCKET`. */
  *#descriptors(): Generator<number> {
    if (Number(this.header.readBigUInt64LE(40)) < 16) return;
    const end = Number(this.#control.readBigUInt64LE(0));
    const isRights =
      this.#control.readInt32LE(8) === 1 && this.#control.readInt32LE(12) === 1;
    if (!isRights) return;
    for (let at = 16; at + 4 <= end; at += 4)
      yield this.#control.readInt32LE(at);
  }
}

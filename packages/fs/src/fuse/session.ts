import { CastoreFs } from '../castore-fs.ts';
import type { ViewOptions } from '../castore-fs.ts';
import { FsError } from '../errors.ts';
import type { RequestFailure } from '../request-failures.ts';
import type { Spill } from '../spill.ts';
import { writeReply } from './device.ts';
import type { Device } from './device.ts';
import { loadLibc } from './libc.ts';
import type { Libc } from './libc.ts';
import { Passthrough } from './passthrough.ts';
import type { PassthroughOptions } from './passthrough.ts';
import { PipeDevice } from './pipe-device.ts';
import { PollDevice } from './poll-device.ts';
import type { FsServices } from './service-host.ts';
import type { SpillOptions } from './spill-file.ts';

/** How a mount is served. Plain data: it travels between threads. */
export interface SessionOptions extends ViewOptions {
  /** Lets the kernel read large blobs by itself. */
  readonly passthrough?: PassthroughOptions;
  /** Keeps contents of large files that are read out of order on disk. */
  readonly spill?: SpillOptions;
  /** Does without koffi, as on platforms that it has no binary for. */
  readonly withoutLibc?: boolean;
}

/** Serves a mounted `/dev/fuse` from this thread until the mount is gone. */
export class FuseSession {
  readonly #device: Device;
  readonly #passthrough: Passthrough | undefined;
  /** Resolves when the mount is gone or {@link FuseSession.stop} was called. */
  readonly ended: Promise<void>;

  /**
   * @param spill was opened before the mount was made, which may lie over its directory; closed in the end
   * @throws FsError `fs/unsupported`
   */
  constructor(
    fd: number,
    services: FsServices,
    spill: Spill,
    options: SessionOptions = {},
    onRequestFailed?: (failure: RequestFailure) => void,
  ) {
    const libc = options.withoutLibc === true ? undefined : loadLibc();
    this.#device = libc === undefined ? openPipe(fd) : new PollDevice(fd, libc);
    this.#passthrough = openPassthrough(fd, libc, services, options);
    const fs = new CastoreFs({
      ...services,
      ...options,
      spill,
      ...(this.#passthrough && { opener: this.#passthrough }),
      ...(onRequestFailed && { onRequestFailed }),
    });
    const device = this.#device;
    const respond = (
      message: Uint8Array,
      data?: readonly Uint8Array[],
    ): boolean => {
      const isTaken = writeReply(fd, message, data);
      device.answered();
      return isTaken;
    };
    this.ended = device
      .serve(
        (request) => fs.handle(request, respond),
        () => fs.pending,
      )
      .finally(() => {
        fs.reset();
        this.#passthrough?.close();
        spill.close();
      });
  }

  /** Stops serving. Requests that wait stay unanswered until the descriptor is closed. */
  stop(): void {
    this.#device.stop();
  }
}

function openPipe(fd: number): PipeDevice {
  try {
    return new PipeDevice(fd);
  } catch (cause) {
    throw new FsError(
      'fs/unsupported',
      'neither koffi nor a pipe handle of this Node can read /dev/fuse',
      { cause },
    );
  }
}

function openPassthrough(
  fd: number,
  libc: Libc | undefined,
  { blobs }: FsServices,
  { passthrough }: SessionOptions,
): Passthrough | undefined {
  // Without koffi there is no ioctl: everything is read through requests then.
  return passthrough === undefined || libc === undefined
    ? undefined
    : new Passthrough(fd, libc, blobs, passthrough);
}

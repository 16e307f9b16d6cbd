import { LENGTH, MAX_REPLY_BYTES } from './protocol.ts';

/** The one buffer in which replies are put together: header first, then whatever the operation says. */
export class ReplyBuffer {
  readonly bytes: Uint8Array = new Uint8Array(
    LENGTH.OUT_HEADER + MAX_REPLY_BYTES,
  );
  readonly view: DataView = new DataView(this.bytes.buffer);

  /** Zeroes that many bytes after the header, for a body whose other fields are all set. */
  blank(length: number): void {
    this.bytes.fill(0, LENGTH.OUT_HEADER, LENGTH.OUT_HEADER + length);
  }

  /** Writes a number of up to 53 bits as 64. */
  setUint64(at: number, value: number): void {
    this.view.setUint32(at, value >>> 0, true);
    this.view.setUint32(at + 4, Math.floor(value / 0x100000000), true);
  }

  /** Writes how long something stays valid: seconds and nanoseconds, which the protocol keeps apart. */
  setTime(secondsAt: number, nanosecondsAt: number, seconds: number): void {
    this.setUint64(secondsAt, Math.floor(seconds));
    this.view.setUint32(nanosecondsAt, Math.floor((seconds % 1) * 1e9), true);
  }
}

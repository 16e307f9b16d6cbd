import type { CastoreFs } from '../../src/castore-fs.ts';
import { INIT_FLAG, OP, ROOT_ID } from '../../src/fuse/protocol.ts';

/** A reply, taken apart. */
export interface Reply {
  readonly errno: number;
  readonly body: DataView;
  readonly bytes: Buffer;
}

export interface Entry {
  readonly nodeid: number;
  readonly validSeconds: number;
  readonly ino: number;
  readonly size: number;
  readonly blocks: number;
  readonly mode: number;
  readonly nlink: number;
}

export interface Dirent {
  readonly ino: number;
  readonly offset: number;
  readonly type: number;
  readonly name: string;
  readonly entry: Entry | undefined;
}

/** Everything that a Linux 6.x kernel offers at INIT. */
export const OFFERED: number = 0x3fffffff | INIT_FLAG.INIT_EXT;

/** The other side of the protocol: writes requests byte by byte as Linux does, reads replies. */
export class FakeKernel {
  readonly #fs: CastoreFs;
  #unique = 0;

  constructor(fs: CastoreFs) {
    this.#fs = fs;
  }

  /** Sends a request and gives its number; the reply comes through the promise. */
  start(
    opcode: number,
    nodeid: number,
    body: Uint8Array = new Uint8Array(0),
  ): { unique: number; reply: Promise<Reply>; replies: () => number } {
    const unique = (this.#unique += 2);
    let count = 0;
    const reply = new Promise<Reply>((resolve) => {
      const message = request(opcode, unique, nodeid, body);
      this.#fs.handle(message, (head, data = []) => {
        count++;
        resolve(parse(Buffer.concat([head, ...data]), unique));
        return true;
      });
      // The transport uses the buffer again as soon as it gets it back.
      message.fill(0xff);
    });
    return { unique, reply, replies: () => count };
  }

  send(opcode: number, nodeid: number, body?: Uint8Array): Promise<Reply> {
    return this.start(opcode, nodeid, body).reply;
  }

  /** Sends what isn't answered. */
  tell(opcode: number, nodeid: number, body: Uint8Array): void {
    this.#fs.handle(request(opcode, (this.#unique += 2), nodeid, body), () => {
      throw new Error('an answer that nobody wants');
    });
  }

  init(flags: number = OFFERED): Promise<Reply> {
    return this.send(OP.INIT, 0, words(7, 45, 0x20000, flags, 0xffffffff));
  }

  async lookup(parent: number, name: string | Uint8Array): Promise<Entry> {
    const reply = await this.send(OP.LOOKUP, parent, terminated(name));
    if (reply.errno !== 0) throw new Error(`errno ${reply.errno}`);
    return entryAt(reply.body, 0);
  }

  /** The nodeid at the end of a path. */
  async walk(path: string): Promise<number> {
    let nodeid: number = ROOT_ID;
    for (const name of path.split('/'))
      nodeid = (await this.lookup(nodeid, name)).nodeid;
    return nodeid;
  }

  async list(
    nodeid: number,
    options: { plus?: boolean; size?: number; handle?: number } = {},
  ): Promise<Dirent[]> {
    const all: Dirent[] = [];
    for (let offset = 0; ;) {
      const reply = await this.send(
        options.plus ? OP.READDIRPLUS : OP.READDIR,
        nodeid,
        readIn(options.handle ?? 0, offset, options.size ?? 4096),
      );
      if (reply.errno !== 0) throw new Error(`errno ${reply.errno}`);
      if (reply.bytes.length === 0) return all;
      all.push(...dirents(reply, options.plus ?? false));
      offset = all.at(-1)!.offset;
    }
  }

  read(nodeid: number, offset: number, size: number): Promise<Reply> {
    return this.send(OP.READ, nodeid, readIn(0, offset, size));
  }

  forget(nodeid: number, references: number): void {
    this.tell(OP.FORGET, nodeid, longs(references));
  }
}

export function request(
  opcode: number,
  unique: number,
  nodeid: number,
  body: Uint8Array,
): Uint8Array {
  const message = Buffer.alloc(40 + body.length);
  message.writeUInt32LE(message.length, 0);
  message.writeUInt32LE(opcode, 4);
  message.writeBigUInt64LE(BigInt(unique), 8);
  message.writeBigUInt64LE(BigInt(nodeid), 16);
  message.set(body, 40);
  return message;
}

export function words(...values: number[]): Uint8Array {
  return Buffer.from(Uint32Array.from(values).buffer);
}

export function longs(...values: number[]): Uint8Array {
  return Buffer.from(BigUint64Array.from(values.map(BigInt)).buffer);
}

export function terminated(name: string | Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(name), Uint8Array.of(0)]);
}

export function readIn(
  handle: number,
  offset: number,
  size: number,
): Uint8Array {
  return Buffer.concat([longs(handle, offset), words(size, 0, 0, 0, 0, 0)]);
}

function parse(bytes: Buffer, unique: number): Reply {
  if (bytes.readUInt32LE(0) !== bytes.length)
    throw new Error(`length ${bytes.readUInt32LE(0)}, found ${bytes.length}`);
  if (Number(bytes.readBigUInt64LE(8)) !== unique)
    throw new Error('the reply belongs to another request');
  // A copy: the reply's bytes are the file system's own.
  const body = Buffer.from(bytes.subarray(16));
  return {
    errno: -bytes.readInt32LE(4) + 0,
    bytes: body,
    body: new DataView(body.buffer, body.byteOffset, body.length),
  };
}

export function entryAt(view: DataView, at: number): Entry {
  const long = (offset: number): number =>
    Number(view.getBigUint64(at + offset, true));
  return {
    nodeid: long(0),
    validSeconds: long(16),
    ino: long(40),
    size: long(48),
    blocks: long(56),
    mode: view.getUint32(at + 100, true),
    nlink: view.getUint32(at + 104, true),
  };
}

export function dirents({ bytes, body }: Reply, plus: boolean): Dirent[] {
  const found: Dirent[] = [];
  for (let at = 0; at < bytes.length;) {
    const entry = plus ? entryAt(body, at) : undefined;
    if (plus) at += 128;
    const length = bytes.readUInt32LE(at + 16);
    found.push({
      ino: Number(bytes.readBigUInt64LE(at)),
      offset: Number(bytes.readBigUInt64LE(at + 8)),
      type: bytes.readUInt32LE(at + 20),
      name: bytes.toString('latin1', at + 24, at + 24 + length),
      entry,
    });
    at += 24 + ((length + 7) & ~7);
  }
  return found;
}

import { readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { B3Digest } from '@tvix/castore';
import type { FileIdentity, KnownFiles } from '@tvix/castore';
import { replaceFile } from './replace-file.ts';

/**
 * The file: a magic of 8 bytes, 4 zeros, the CRC-32 of the entries, the entries. An entry: device, inode, size, time of
 * modification, time of change, and when it was last of use (milliseconds since 1970), as doubles in the byte order of the
 * machine; 32 bytes of BLAKE3.
 */
const MAGIC = Buffer.from('TVXFILE1');
const HEADER_BYTES = 16;
const NUMBERS = 6;
const DIGEST_AT = NUMBERS * 8;
const ENTRY_BYTES = DIGEST_AT + B3Digest.LENGTH;
const ENTRY_NUMBERS = ENTRY_BYTES / 8;
const LAST_USE = 5;

const KEPT_FOR_MS = 30 * 24 * 60 * 60 * 1000;

/**
 * Remembers the digests of files that were read, by what tells a file from what it may become. Nothing is lost with it,
 * and what it says of a store must be asked of the store: it may have been collected since.
 */
export class FileCache implements KnownFiles {
  readonly #file: string;
  readonly #now: number;
  #entries = new Uint8Array(0);
  #numbers = new Float64Array(0);
  #count = 0;
  /** By device and inode, the number of an entry. */
  readonly #places = new Map<number, Map<number, number>>();

  private constructor(file: string, now: number) {
    this.#file = file;
    this.#now = now;
  }

  /** What a file of this class holds; nothing where there is none, or a damaged one. */
  static load(file: string, now: number = Date.now()): FileCache {
    const cache = new FileCache(file, now);
    const bytes = readIfThere(file);
    if (bytes !== undefined && isWhole(bytes)) cache.#takeIn(bytes);
    return cache;
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  find(file: FileIdentity): B3Digest | undefined {
    const place = this.#places.get(file.dev)?.get(file.ino);
    if (place === undefined) return undefined;
    const numbers = this.#numbers;
    const at = place * ENTRY_NUMBERS;
    if (
      numbers[at + 2] !== file.size ||
      numbers[at + 3] !== file.mtimeMs ||
      numbers[at + 4] !== file.ctimeMs
    )
      return undefined;
    numbers[at + LAST_USE] = this.#now;
    const digest = place * ENTRY_BYTES + DIGEST_AT;
    return B3Digest.fromBytes(
      this.#entries.slice(digest, digest + B3Digest.LENGTH),
    );
  }

  /** Remembers a file whose contents are stored. */
  add(file: FileIdentity, digest: B3Digest): void {
    const place = this.#places.get(file.dev)?.get(file.ino) ?? this.#append();
    const { dev, ino, size, mtimeMs, ctimeMs } = file;
    this.#numbers.set(
      [dev, ino, size, mtimeMs, ctimeMs, this.#now],
      place * ENTRY_NUMBERS,
    );
    this.#entries.set(digest.bytes, place * ENTRY_BYTES + DIGEST_AT);
    this.#lead(place);
  }

  /**
   * Writes what was of use in the last 30 days, in the place of what was there before.
   *
   * @throws the file system's errors
   */
  save(): void {
    this.#forgetOld();
    const entries = this.#entries.subarray(0, this.#count * ENTRY_BYTES);
    const header = Buffer.alloc(HEADER_BYTES);
    MAGIC.copy(header);
    header.writeUInt32LE(crc32(entries), 12);
    replaceFile(this.#file, [header, entries]);
  }

  #takeIn(bytes: Buffer): void {
    const entries = bytes.subarray(HEADER_BYTES);
    this.#grow(entries.length / ENTRY_BYTES);
    this.#entries.set(entries);
    this.#count = entries.length / ENTRY_BYTES;
    for (let place = 0; place < this.#count; place++) this.#lead(place);
  }

  #append(): number {
    if (this.#count * ENTRY_BYTES === this.#entries.length)
      this.#grow(Math.max(1024, 2 * this.#count));
    return this.#count++;
  }

  #grow(count: number): void {
    const entries = new Uint8Array(count * ENTRY_BYTES);
    entries.set(this.#entries);
    this.#entries = entries;
    this.#numbers = new Float64Array(entries.buffer);
  }

  #lead(place: number): void {
    const dev = this.#numbers[place * ENTRY_NUMBERS]!;
    const ino = this.#numbers[place * ENTRY_NUMBERS + 1]!;
    const places = this.#places.get(dev) ?? new Map<number, number>();
    this.#places.set(dev, places.set(ino, place));
  }

  #forgetOld(): void {
    const oldest = this.#now - KEPT_FOR_MS;
    let kept = 0;
    for (let place = 0; place < this.#count; place++) {
      if (this.#numbers[place * ENTRY_NUMBERS + LAST_USE]! < oldest) continue;
      const start = place * ENTRY_BYTES;
      if (kept !== place)
        this.#entries.copyWithin(
          kept * ENTRY_BYTES,
          start,
          start + ENTRY_BYTES,
        );
      kept++;
    }
    if (kept === this.#count) return;
    this.#count = kept;
    this.#places.clear();
    for (let place = 0; place < kept; place++) this.#lead(place);
  }
}

function readIfThere(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch {
    // Whatever the reason is, all is read as if for the first time.
    return undefined;
  }
}

function isWhole(bytes: Buffer): boolean {
  return (
    bytes.length >= HEADER_BYTES &&
    (bytes.length - HEADER_BYTES) % ENTRY_BYTES === 0 &&
    bytes.subarray(0, MAGIC.length).equals(MAGIC) &&
    bytes.readUInt32LE(12) === crc32(bytes.subarray(HEADER_BYTES))
  );
}

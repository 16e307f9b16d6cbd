import { closeSync, constants, fstatSync, lstatSync, openSync } from 'node:fs';
import { descriptorPath, hasDescriptorPaths } from './descriptor-path.ts';

/** How many directories stay open at a time, however deep the way down is. */
const MAX_OPEN = 64;

const SLASH = Buffer.from('/');
const PARENT = Buffer.from('..');

const OPEN_FLAGS =
  constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

interface Level {
  path: Buffer;
  descriptor: number | undefined;
  /** By what a directory that was closed for a while is recognised. */
  identity: { readonly dev: number; readonly ino: number } | undefined;
}

/**
 * A way down into directories, through open descriptors: whoever swaps a directory for a link meanwhile doesn't lead it
 * astray. Any depth is fine, since no path is longer than a descriptor and a name. Far up, directories are closed and
 * found again through `..`, where they must be the same.
 *
 * Without `/proc/self/fd` it makes do with plain paths: then nobody else may change the directories at the same time,
 * and depth ends where the system's longest path does.
 */
export class DirectoryHandles {
  readonly #levels: Level[];
  #firstOpen = 0;

  /** Starts in a directory, which may be reached through links. */
  constructor(path: Uint8Array) {
    const flags = constants.O_RDONLY | constants.O_DIRECTORY;
    this.#levels = [openLevel(Buffer.from(path), flags)];
  }

  /** How many directories were entered and not left. */
  get depth(): number {
    return this.#levels.length - 1;
  }

  /** What the system takes for the current directory. */
  get here(): Buffer {
    return this.#levels.at(-1)!.path;
  }

  /** What the system takes for a name in the current directory. */
  path(name: Uint8Array): Buffer {
    return Buffer.concat([this.here, SLASH, name]);
  }

  /** Goes down to a directory by its name; links aren't followed. */
  enter(name: Uint8Array): void {
    this.#levels.push(openLevel(this.path(name), OPEN_FLAGS));
    if (this.#levels.length - this.#firstOpen <= MAX_OPEN) return;
    const level = this.#levels[this.#firstOpen++]!;
    if (level.descriptor === undefined) return;
    const { dev, ino } = fstatSync(level.descriptor);
    level.identity = { dev, ino };
    closeSync(level.descriptor);
    level.descriptor = undefined;
  }

  /** Goes back up. */
  leave(): void {
    const parent = this.#levels.at(-2)!;
    if (parent.identity !== undefined) {
      Object.assign(parent, this.#reopenParent(parent.identity));
      this.#firstOpen--;
    }
    const { descriptor } = this.#levels.pop()!;
    if (descriptor !== undefined) closeSync(descriptor);
  }

  /** Closes whatever is open. */
  close(): void {
    for (const { descriptor } of this.#levels.splice(0))
      if (descriptor !== undefined) closeSync(descriptor);
  }

  #reopenParent({ dev, ino }: NonNullable<Level['identity']>): Level {
    const level = openLevel(this.path(PARENT), OPEN_FLAGS);
    const found = fstatSync(level.descriptor!);
    if (found.dev === dev && found.ino === ino) return level;
    closeSync(level.descriptor!);
    throw new Error('a directory has been moved away while it was in use');
  }
}

function openLevel(path: Buffer, flags: number): Level {
  if (!hasDescriptorPaths) {
    if (!lstatSync(path).isDirectory())
      throw new Error('a directory has become something else');
    return { path, descriptor: undefined, identity: undefined };
  }
  const descriptor = openSync(path, flags);
  return { path: descriptorPath(descriptor), descriptor, identity: undefined };
}

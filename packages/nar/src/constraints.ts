import { NarError } from './errors.ts';
import type { NarLimits } from './limits.ts';

const DOT = 0x2e;
const SLASH = 0x2f;

/** Orders byte strings as `memcmp` does, a prefix before what it starts: negative, zero or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** Shows a name in an error message: printable ASCII as it is, every other byte as `\xNN`. */
export function printableBytes(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes.subarray(0, 80)) {
    text +=
      byte >= 0x20 && byte < 0x7f
        ? String.fromCharCode(byte)
        : `\\x${byte.toString(16).padStart(2, '0')}`;
  }
  return bytes.length > 80 ? `${text}…` : text;
}

/**
 * Refuses a string length beyond its bound, before anything of that length is read. Lengths come as two unsigned 32-bit
 * halves, so that no arithmetic can wrap.
 */
export function assertLength(
  what: 'name' | 'target',
  low: number,
  high: number,
  limit: number,
): void {
  if (high !== 0 || low > limit || low === 0) {
    const length = high * 2 ** 32 + low;
    throw new NarError(
      `nar/invalid-${what}`,
      `${what} has ${length} bytes, expected 1 to ${limit}`,
    );
  }
}

/**
 * Refuses an entry name that could not name a directory entry: empty, too long, `.`, `..`, or with a slash or a NUL.
 *
 * @throws NarError `nar/invalid-name`
 */
export function assertEntryName(
  name: Uint8Array,
  limits: Pick<NarLimits, 'nameBytes'>,
): void {
  assertLength('name', name.length, 0, limits.nameBytes);
  if (
    name[0] === DOT &&
    (name.length === 1 || (name.length === 2 && name[1] === DOT))
  ) {
    throw new NarError('nar/invalid-name', `name is ${printableBytes(name)}`);
  }
  for (let i = 0; i < name.length; i++) {
    if (name[i] === 0 || name[i] === SLASH) {
      throw new NarError(
        'nar/invalid-name',
        `name contains a ${name[i] === 0 ? 'NUL' : 'slash'}: ${printableBytes(name)}`,
      );
    }
  }
}

/**
 * Refuses an entry name that does not come strictly after the one before it.
 *
 * @throws NarError `nar/unordered-entries`
 */
export function assertEntryOrder(
  previous: Uint8Array | undefined,
  name: Uint8Array,
): void {
  if (previous !== undefined && compareBytes(previous, name) >= 0) {
    throw new NarError(
      'nar/unordered-entries',
      `entry ${printableBytes(name)} does not sort after ${printableBytes(previous)}`,
    );
  }
}

/**
 * Refuses a symlink target that no file system would take: empty, too long, or with a NUL.
 *
 * @throws NarError `nar/invalid-target`
 */
export function assertTarget(
  target: Uint8Array,
  limits: Pick<NarLimits, 'targetBytes'>,
): void {
  assertLength('target', target.length, 0, limits.targetBytes);
  if (target.includes(0))
    throw new NarError(
      'nar/invalid-target',
      `target contains a NUL: ${printableBytes(target)}`,
    );
}

/**
 * Refuses an entry below the deepest level; `depth` is the number of directories around it.
 *
 * @throws NarError `nar/too-deep`
 */
export function assertDepth(
  depth: number,
  limits: Pick<NarLimits, 'depth'>,
): void {
  if (depth >= limits.depth) {
    throw new NarError(
      'nar/too-deep',
      `tree has more than ${limits.depth} levels`,
    );
  }
}

import type { PathComponent } from './path-component.ts';
import { pathComponent } from './path-component.ts';

const SLASH = 0x2f;

/**
 * Splits a relative path into its names: repeated and trailing slashes and single dots fall away, one leading slash is
 * allowed, and the empty path has no names.
 *
 * @throws CastoreError `castore/invalid-name` for `..` and NUL
 */
export function splitPath(path: Uint8Array | string): PathComponent[] {
  const bytes =
    typeof path === 'string' ? new TextEncoder().encode(path) : path;
  const names: PathComponent[] = [];
  for (let start = 0; start < bytes.length;) {
    let end = bytes.indexOf(SLASH, start);
    if (end < 0) end = bytes.length;
    const name = bytes.subarray(start, end);
    if (name.length > 0 && !(name.length === 1 && name[0] === 0x2e))
      names.push(pathComponent(name));
    start = end + 1;
  }
  return names;
}

import type { B3Digest } from '../../src/digest/b3-digest.ts';
import { Directory } from '../../src/node/directory.ts';
import { pathComponent } from '../../src/path/path-component.ts';

/** A directory of child directories by name. */
export function directoryOf(
  children: Readonly<
    Record<string, { readonly digest: B3Digest; readonly size: bigint }>
  >,
): Directory {
  return Directory.fromEntries(
    Object.entries(children).map(([name, { digest, size }]) => ({
      name: pathComponent(name),
      node: { type: 'directory', digest, size },
    })),
  );
}

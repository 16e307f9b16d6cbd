import { readFileSync } from 'node:fs';
import { directory, file, link, type Tree } from './tree.ts';

/** A file of `vectors/`. */
export function vectors<Content>(name: string): Content {
  return JSON.parse(
    readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), 'utf8'),
  ) as Content;
}

export interface ArchiveVectors {
  readonly archives: readonly {
    readonly content: string;
    readonly bytes: number;
    readonly sha256: string;
    readonly nixbase32: string;
  }[];
  readonly dumps: { readonly symlink: string; readonly helloworld: string };
}

const HELLO = 'Hello World!';
const WITH_KEEP = directory({ '.keep': file('') });

/** The trees that the vectors name, but for the one whose contents they do not give. */
export const TREES: Readonly<Record<string, Tree>> = {
  'symlink → /nix/store/somewhereelse': link('/nix/store/somewhereelse'),
  'file HELLOWORLD': file(HELLO),
  'file HELLOWORLD executable': file(HELLO, true),
  'executable HELLOWORLD': file(HELLO, true),
  'empty file': file(''),
  'empty directory': directory(),
  WITH_KEEP,
  'COMPLICATED (.keep, aa, keep/)': complicated(),
  COMPLICATED: complicated(),
  'file with byte 01': file('\x01'),
  'executable with byte 01': file('\x01', true),
  BLOB_A: file('\x00\x01'),
  BLOB_B: file(Uint8Array.from({ length: 255 * 4096 }, (_, i) => i % 255)),
  'popdirectories (test/tested/ empty dir, tested/ empty dir)': directory({
    test: directory({ tested: directory() }),
    tested: directory(),
  }),
};

function complicated(): Tree {
  return directory({
    '.keep': file(''),
    aa: link('/nix/store/somewhereelse'),
    keep: WITH_KEEP,
  });
}

import { bytesOf, type Tree } from './tree.ts';

/**
 * The archive of a tree by the letter of the grammar: strings of length, bytes and padding, written by recursion. Nothing
 * is checked, so that it makes the malformed archives too. It shares no code with the writer.
 */
export function encodeTree(tree: Tree): Uint8Array {
  return Uint8Array.from(Buffer.concat([str('nix-archive-1'), node(tree)]));
}

export function str(value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(typeof value === 'string' ? bytesOf(value) : value);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(bytes.length));
  return Buffer.concat([
    length,
    bytes,
    Buffer.alloc((8 - (bytes.length % 8)) % 8),
  ]);
}

function node(tree: Tree): Buffer {
  return Buffer.concat([str('('), str('type'), kind(tree), str(')')]);
}

function kind(tree: Tree): Buffer {
  if ('link' in tree)
    return Buffer.concat([str('symlink'), str('target'), str(tree.link)]);
  if ('file' in tree) {
    const marker = tree.executable ? [str('executable'), str('')] : [];
    return Buffer.concat([
      str('regular'),
      ...marker,
      str('contents'),
      str(tree.file),
    ]);
  }
  return Buffer.concat([
    str('directory'),
    ...tree.entries.map(([name, child]) => entry(name, child)),
  ]);
}

function entry(name: string, child: Tree): Buffer {
  return Buffer.concat([
    str('entry'),
    str('('),
    str('name'),
    str(name),
    str('node'),
    node(child),
    str(')'),
  ]);
}

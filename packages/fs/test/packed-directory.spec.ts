import { describe, expect, it } from '@jest/globals';
import {
  B3Digest,
  Directory,
  isPathComponent,
  pathComponent,
  symlinkTarget,
} from '@tvix/castore';
import type { NamedNode, Node } from '@tvix/castore';
import fc from 'fast-check';
import { PackedDirectory } from '../src/packed-directory.ts';

const name = fc
  .uint8Array({ minLength: 1, maxLength: 5 })
  .filter((bytes) => isPathComponent(bytes));
const digest = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => B3Digest.fromBytes(bytes));
const size = fc.bigInt(0n, 2n ** 40n);
const node: fc.Arbitrary<Node> = fc.oneof(
  fc.record({ type: fc.constant('directory' as const), digest, size }),
  fc.record({
    type: fc.constant('file' as const),
    digest,
    size,
    executable: fc.boolean(),
  }),
  fc.record({
    type: fc.constant('symlink' as const),
    target: fc
      .uint8Array({ minLength: 1, maxLength: 300 })
      .filter((bytes) => !bytes.includes(0))
      .map((bytes) => symlinkTarget(bytes)),
  }),
);
const directory = fc
  .uniqueArray(fc.record({ name: name.map(pathComponent), node }), {
    selector: (entry) => Buffer.from(entry.name).toString('latin1'),
  })
  .map((entries) => Directory.fromEntries(entries));

/** Something that `toEqual` looks into: digests hide theirs. */
function plain(entry: Node | undefined): unknown {
  if (entry === undefined || entry.type === 'symlink') return entry;
  return { ...entry, digest: entry.digest.toHex() };
}

function plainEntry({ name, node }: NamedNode): unknown {
  return { name: Buffer.from(name).toString('hex'), node: plain(node) };
}

describe('a packed directory', () => {
  it('has the entries of the directory, in their order and by their names', () => {
    fc.assert(
      fc.property(directory, fc.array(name), (original, others) => {
        const packed = new PackedDirectory(original);
        expect([...packed.entries()].map(plainEntry)).toEqual(
          original.entries.map(plainEntry),
        );
        const asked = [
          ...original.entries.map((entry) => entry.name),
          ...others,
        ];
        for (const one of asked)
          expect(plain(packed.get(one))).toEqual(plain(original.get(one)));
      }),
      { verbose: 1 },
    );
  });

  it('takes less than 100 bytes for an entry with a short name', () => {
    const entries = Array.from({ length: 10_000 }, (_, i): NamedNode => ({
      name: pathComponent(`file ${i}`),
      node: {
        type: 'file',
        digest: B3Digest.fromBytes(new Uint8Array(32)),
        size: 2n ** 64n - 1n,
        executable: false,
      },
    }));
    const packed = new PackedDirectory(Directory.fromEntries(entries));
    expect(packed.byteLength).toBeLessThan(entries.length * 100);
    expect(packed.entry(77).node).toMatchObject({ size: 2n ** 64n - 1n });
  });
});

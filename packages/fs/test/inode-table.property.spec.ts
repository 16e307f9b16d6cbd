import { expect, it } from '@jest/globals';
import { B3Digest, symlinkTarget } from '@tvix/castore';
import type { Node } from '@tvix/castore';
import fc from 'fast-check';
import { InodeTable } from '../src/inode-table.ts';

/** Few contents, so that they meet often; some share the bytes that choose a bucket. */
const node: fc.Arbitrary<Node> = fc
  .record({
    type: fc.constantFrom('file', 'directory', 'symlink'),
    content: fc.nat(40),
    executable: fc.boolean(),
  })
  .map(({ type, content, executable }): Node => {
    if (type === 'symlink')
      return { type, target: symlinkTarget(`target ${content}`) };
    const bytes = new Uint8Array(32);
    bytes[31] = content;
    bytes[0] = content % 3;
    const digest = B3Digest.fromBytes(bytes);
    return type === 'file'
      ? { type, digest, size: 1n, executable }
      : { type: 'directory', digest, size: 1n };
  });

const step = fc.oneof(
  fc.record({
    kind: fc.constant('acquire' as const),
    node,
    parent: fc.integer({ min: 1, max: 3 }),
    name: fc.constantFrom('a', 'b'),
  }),
  fc.record({
    kind: fc.constant('forget' as const),
    which: fc.nat(),
    references: fc.integer({ min: 1, max: 3 }),
  }),
);

/** What makes two nodes one inode. */
function identity(what: Node, parent: number, name: string): string {
  switch (what.type) {
    case 'symlink':
      return `symlink ${Buffer.from(what.target).toString()}`;
    case 'file':
      return `file ${what.executable} ${what.digest.toHex()}`;
    case 'directory':
      return `directory ${what.digest.toHex()} ${parent} ${name}`;
  }
}

it('a table holds exactly what was acquired and not yet forgotten, under one nodeid each', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const table = new InodeTable();
      const model = new Map<string, { id: number; references: number }>();
      for (const one of steps) {
        if (one.kind === 'acquire') {
          const key = identity(one.node, one.parent, one.name);
          const id = table.acquire(one.node, one.parent, Buffer.from(one.name));
          const known = model.get(key);
          if (known !== undefined) expect(id).toBe(known.id);
          const references = (known?.references ?? 0) + 1;
          model.set(key, { id, references });
        } else if (model.size > 0) {
          const key = [...model.keys()][one.which % model.size]!;
          const known = model.get(key)!;
          table.forget(known.id, one.references);
          known.references -= one.references;
          if (known.references <= 0) model.delete(key);
        }
        expect(table.size).toBe(model.size);
        const ids = [...model.values()].map(({ id }) => id);
        expect(new Set(ids).size).toBe(ids.length);
        for (const id of ids) expect(table.kind(id)).not.toBe(0);
      }
    }),
    { numRuns: 60 },
  );
});

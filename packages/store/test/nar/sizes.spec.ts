import { describe, expect, it } from '@jest/globals';
import {
  Directory,
  MemoryBlobService,
  MemoryDirectoryService,
  pathComponent,
  symlinkTarget,
} from '@tvix/castore';
import type { B3Digest, Node } from '@tvix/castore';
import { RenderingNarCalculation } from '../../src/nar/rendering-calculation.ts';
import { NarSizes } from '../../src/nar/sizes.ts';
import { DUMMY_DIGEST } from '../fixtures.ts';

/** Counts how often it is asked. */
class CountingDirectories extends MemoryDirectoryService {
  asked = 0;

  override get(digest: B3Digest): Promise<Directory | undefined> {
    this.asked++;
    return super.get(digest);
  }
}

async function add(
  directories: MemoryDirectoryService,
  entries: Readonly<Record<string, Node>>,
): Promise<Node> {
  const directory = Directory.fromEntries(
    Object.entries(entries).map(([name, node]) => ({
      name: pathComponent(name),
      node,
    })),
  );
  await directories.put(directory);
  const { digest, size } = directory;
  return { type: 'directory', digest, size };
}

/** Directories each of which stands twice in the next, with others in between: 2^levels paths. */
async function doubled(
  directories: MemoryDirectoryService,
  levels: number,
  between: (level: number) => Promise<Node>,
): Promise<Node> {
  let node: Node = await add(directories, {});
  for (let level = 0; level < levels; level++)
    node = await add(directories, {
      a: node,
      b: await between(level),
      c: node,
    });
  return node;
}

const link: Node = { type: 'symlink', target: symlinkTarget('x') };

describe('the sizes of NARs', () => {
  it('look each directory up once, however often it stands in a tree with more than are remembered', async () => {
    const directories = new CountingDirectories();
    let made = 1;
    const tree = await doubled(directories, 10, async (level) => {
      const children: Record<string, Node> = {};
      for (let i = 0; i < 5; i++, made++)
        children[`${i}`] = await add(directories, { [`${level}-${i}`]: link });
      made += 2;
      return add(directories, children);
    });
    const all = await new NarSizes(directories).ofArchive(tree);
    directories.asked = 0;
    expect(await new NarSizes(directories, 4).ofArchive(tree)).toBe(all);
    expect(directories.asked).toBe(made);
  });

  it('are refused where they exceed 64 bits', async () => {
    const directories = new MemoryDirectoryService();
    const tree = await doubled(directories, 60, async () => link);
    const sizes = new NarSizes(directories);
    const refused = { code: 'store/no-nar-form' };
    await expect(sizes.ofArchive(tree)).rejects.toMatchObject(refused);
    const huge: Node = {
      type: 'file',
      digest: DUMMY_DIGEST,
      size: 2n ** 64n - 1n,
      executable: false,
    };
    await expect(sizes.ofArchive(huge)).rejects.toMatchObject(refused);
    const two = await add(directories, {
      a: { ...huge, size: 2n ** 63n },
      b: { ...huge, size: 2n ** 63n },
    });
    await expect(sizes.ofNode(two)).rejects.toMatchObject(refused);
  });
});

describe('a NAR that is calculated', () => {
  it('is refused before it is begun where its tree has more entries than anybody has', async () => {
    const directories = new CountingDirectories();
    const tree = await doubled(directories, 60, async () => link);
    const blobs = new MemoryBlobService();
    const calculation = new RenderingNarCalculation({ blobs, directories });
    // What a node claims is believed by nobody.
    const claimed: Node = { ...tree, size: 1n } as Node;
    await expect(calculation.calculateNar(claimed)).rejects.toMatchObject({
      code: 'store/limit-exceeded',
    });
    expect(directories.asked).toBe(1);
  });

  it('lets others have their turn while it looks at many directories', async () => {
    const directories = new MemoryDirectoryService();
    const entries: Record<string, Node> = {};
    for (let i = 0; i < 600; i++)
      entries[`d${i}`] = await add(directories, {
        [`l${i}`]: { type: 'symlink', target: symlinkTarget('x') },
      });
    const root = await add(directories, entries);
    let turns = 0;
    const count = (): void => {
      turns++;
      timer = setImmediate(count);
    };
    let timer = setImmediate(count);
    await new NarSizes(directories).ofArchive(root);
    clearImmediate(timer);
    expect(turns).toBeGreaterThanOrEqual(4);
  });
});

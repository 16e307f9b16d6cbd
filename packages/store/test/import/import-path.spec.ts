import { execFileSync } from 'node:child_process';
import {
  chmod,
  mkdir,
  mkdtemp,
  readFile,
  realpath,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  MemoryBlobService,
  MemoryDirectoryService,
  nodesEqual,
} from '@tvix/castore';
import { importPath } from '../../src/import/import-path.ts';
import type { Store } from '../../src/store.ts';
import { RenderingNarCalculation } from '../../src/nar/rendering-calculation.ts';
import type { PathInfo } from '../../src/path-info/path-info.ts';
import { MemoryPathInfoService } from '../../src/path-info-service/memory.ts';
import { NARInfo_CA_Hash } from '../../src/proto/index.ts';
import { BLOBS, hex, storeTree, utf8 } from '../fixtures.ts';

let folder: string;
let services: Store;

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'store-import-')));
  services = {
    blobs: new MemoryBlobService(),
    directories: new MemoryDirectoryService(),
    pathInfos: new MemoryPathInfoService(),
  };
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const SOMEWHERE_ELSE = '/nix/store/somewhereelse';

async function makeComplicated(path: string): Promise<void> {
  await mkdir(join(path, 'keep'), { recursive: true });
  await writeFile(join(path, '.keep'), '');
  await writeFile(join(path, 'keep/.keep'), '');
  await symlink(SOMEWHERE_ELSE, join(path, 'aa'));
}

const VECTORS: [
  name: string,
  make: (path: string) => Promise<unknown>,
  storePath: string,
][] = [
  [
    'root',
    (path) => writeFile(path, BLOBS.helloWorld),
    'zhyr2cw9j1s4yxi24fy1gpbcxilibd45-root',
  ],
  [
    'hello.txt',
    (path) => writeFile(path, BLOBS.helloWorld),
    '925f1jb1ajrypjbyq7rylwryqwizvhp0-hello.txt',
  ],
  [
    'hello.sh',
    (path) => writeFile(path, BLOBS.helloWorld, { mode: 0o755 }),
    '4aimah3f2h2sx2my7nwgdvd3c615cmx3-hello.sh',
  ],
  [
    'empty',
    (path) => writeFile(path, ''),
    'lx5i78a4izwk2qj1nq8rdc07y8zrwy90-empty',
  ],
  [
    'doesntmatter',
    (path) => symlink(SOMEWHERE_ELSE, path),
    'v3r2js24npzm0ikvgyfbhnjgh2a96k1w-doesntmatter',
  ],
  [
    'emptydir',
    (path) => mkdir(path),
    'lllr7wi039bd69ihd6vfarlcz5j7v52d-emptydir',
  ],
  [
    'keepdir',
    async (path) => {
      await mkdir(path);
      await writeFile(join(path, '.keep'), '');
    },
    'ivq4606k26mk7ai1bic70z8xkj1a6zni-keepdir',
  ],
  [
    'complicated',
    makeComplicated,
    'pngqdzggfqs4q7fg6iywqnlzcgsp85qr-complicated',
  ],
  [
    'blob-a',
    (path) => writeFile(path, BLOBS.blobA),
    'jz3akcpd5c6pbn4h1lhfl76fhz86ivf5-blob-a',
  ],
  [
    'blob-b',
    (path) => writeFile(path, BLOBS.blobB),
    'pcflvfjak26vzk6xa9zppvk8r3ssq28r-blob-b',
  ],
];

async function storedPaths(): Promise<string[]> {
  const paths: string[] = [];
  for await (const { storePath } of services.pathInfos.list())
    paths.push(storePath.toString());
  return paths;
}

describe('importPath', () => {
  it.each(VECTORS)(
    'imports %s to the store path that Nix gives it',
    async (name, make, storePath) => {
      await make(join(folder, name));
      const pathInfo = await importPath(join(folder, name), services);
      expect(pathInfo.storePath.toString()).toBe(storePath);
      expect(await storedPaths()).toEqual([storePath]);
    },
  );

  it('stores the tree and says all that is known of its NAR', async () => {
    await makeComplicated(join(folder, 'complicated'));
    const pathInfo = await importPath(join(folder, 'complicated'), services);
    expect(
      nodesEqual(pathInfo.node, await storeTree('complicated', services)),
    ).toBe(true);
    expect(pathInfo.root.name).toEqual(
      utf8('pngqdzggfqs4q7fg6iywqnlzcgsp85qr-complicated'),
    );
    const { narSize, narSha256 } = await new RenderingNarCalculation(
      services,
    ).calculateNar(pathInfo.node);
    expect(pathInfo.references).toEqual([]);
    expect(pathInfo.narInfo).toEqual({
      narSize,
      narSha256,
      signatures: [],
      references: [],
      deriver: undefined,
      ca: { type: NARInfo_CA_Hash.NAR_SHA256, digest: narSha256 },
    });
  });

  it('answers what the service stored, which may be more than what it was given', async () => {
    await writeFile(join(folder, 'root'), 'x');
    const stored = {} as PathInfo;
    const pathInfos = new MemoryPathInfoService();
    pathInfos.put = async () => stored;
    expect(
      await importPath(join(folder, 'root'), { ...services, pathInfos }),
    ).toBe(stored);
  });

  it('takes another name where one is given', async () => {
    await writeFile(join(folder, 'any name'), BLOBS.helloWorld);
    const { storePath } = await importPath(join(folder, 'any name'), services, {
      name: 'root',
    });
    expect(storePath.toString()).toBe('zhyr2cw9j1s4yxi24fy1gpbcxilibd45-root');
  });

  it('takes the name of the directory whatever way of writing leads to it', async () => {
    await makeComplicated(join(folder, 'complicated'));
    const written = [
      '',
      '/',
      '//',
      '/.',
      '/./',
      '/keep/..',
      '/keep/../',
      '/./keep/../.',
    ];
    for (const end of written) {
      const { storePath } = await importPath(
        `${folder}/complicated${end}`,
        services,
      );
      expect(storePath.toString()).toBe(
        'pngqdzggfqs4q7fg6iywqnlzcgsp85qr-complicated',
      );
    }
  });

  it('takes the name of the working directory, and of its parent', async () => {
    await makeComplicated(join(folder, 'complicated'));
    const before = process.cwd();
    try {
      process.chdir(join(folder, 'complicated'));
      const here = await importPath('.', services);
      process.chdir('keep');
      const above = await importPath('..', services);
      expect([here, above].map(({ storePath }) => storePath.name)).toEqual([
        'complicated',
        'complicated',
      ]);
    } finally {
      process.chdir(before);
    }
  });

  it('takes .. as the file system does, behind a symbolic link', async () => {
    await makeComplicated(join(folder, 'complicated'));
    await symlink('complicated/keep', join(folder, 'link'));
    const { storePath } = await importPath(
      join(folder, 'link') + '/..',
      services,
    );
    expect(storePath.name).toBe('complicated');
  });

  it.each(['/', '//', '/.', '/..', ''])(
    'refuses %p, which has no name',
    async (path) => {
      await expect(importPath(path, services)).rejects.toMatchObject({
        code: 'store/no-base-name',
        details: { path },
      });
    },
  );

  it.each([['.gitignore'], ['with space'], ['ümlaut'], ['n'.repeat(212)]])(
    'refuses the name %p before it reads anything',
    async (name) => {
      const untouched = {
        ...services,
        blobs: {
          ...services.blobs,
          openWrite: notToBeUsed,
          putMany: notToBeUsed,
        },
      } as unknown as Store;
      await writeFile(join(folder, name), 'x');
      const failure = {
        code: 'store/invalid-store-path-name',
        details: { name },
      };
      await expect(
        importPath(join(folder, name), untouched),
      ).rejects.toMatchObject(failure);
      await expect(
        importPath(join(folder, 'x'), untouched, { name }),
      ).rejects.toMatchObject(failure);
    },
  );

  it('takes names of 211 characters', async () => {
    await mkdir(join(folder, 'n'.repeat(211)));
    const { storePath } = await importPath(
      join(folder, 'n'.repeat(211)),
      services,
    );
    expect(storePath.name).toHaveLength(211);
  });

  it('fails where nothing is at the path, with the path in the message', async () => {
    await expect(
      importPath(join(folder, 'absent'), services),
    ).rejects.toMatchObject({
      code: 'castore/unable-to-open',
      message: expect.stringContaining('absent'),
    });
  });

  it('refuses a pipe', async () => {
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    await expect(
      importPath(join(folder, 'pipe'), services),
    ).rejects.toMatchObject({
      code: 'castore/unsupported-file-type',
    });
  });

  it('leaves no path info behind after a failure', async () => {
    await makeComplicated(join(folder, 'complicated'));
    await writeFile(join(folder, 'complicated', 'zz'), BLOBS.blobB);
    services.blobs.putMany = () => Promise.reject(new RangeError('disk'));
    await expect(
      importPath(join(folder, 'complicated'), services),
    ).rejects.toThrow('disk');
    expect(await storedPaths()).toEqual([]);
  });

  it('fails where the path info is not stored', async () => {
    await writeFile(join(folder, 'root'), 'x');
    const failure = new RangeError('disk');
    services.pathInfos.put = () => Promise.reject(failure);
    await expect(importPath(join(folder, 'root'), services)).rejects.toBe(
      failure,
    );
  });

  it('refuses a tree that no NAR can hold', async () => {
    const deep = join(folder, 'deep', ...Array.from({ length: 64 }, () => 'd'));
    await mkdir(deep, { recursive: true });
    await expect(
      importPath(join(folder, 'deep'), services),
    ).rejects.toMatchObject({ code: 'store/no-nar-form' });
    expect(await storedPaths()).toEqual([]);
  });

  it('takes the owner’s executable bit and no other', async () => {
    await writeFile(join(folder, 'hello.txt'), BLOBS.helloWorld);
    await chmod(join(folder, 'hello.txt'), 0o655);
    const { storePath } = await importPath(join(folder, 'hello.txt'), services);
    expect(storePath.toString()).toBe(
      '925f1jb1ajrypjbyq7rylwryqwizvhp0-hello.txt',
    );
  });

  it('tells how far it is', async () => {
    await makeComplicated(join(folder, 'complicated'));
    await writeFile(join(folder, 'complicated', 'zz'), BLOBS.blobB);
    const seen: unknown[] = [];
    await importPath(join(folder, 'complicated'), services, {
      onProgress: (progress) => seen.push(progress),
    });
    expect(seen.at(-1)).toEqual({
      directories: 2,
      files: 3,
      symlinks: 1,
      bytes: BLOBS.blobB.length,
    });
  });

  it('ends with the reason of the signal, without a path info', async () => {
    await writeFile(join(folder, 'large'), new Uint8Array(8 * 1024 * 1024));
    const controller = new AbortController();
    const reason = new RangeError('enough');
    const { signal } = controller;
    const onProgress = (): void => controller.abort(reason);
    await expect(
      importPath(join(folder, 'large'), services, { signal, onProgress }),
    ).rejects.toBe(reason);
    expect(await storedPaths()).toEqual([]);
  });

  it('leaves the source as it is', async () => {
    await writeFile(join(folder, 'root'), BLOBS.helloWorld);
    await importPath(join(folder, 'root'), services);
    expect(hex(await readFile(join(folder, 'root')))).toBe(
      hex(BLOBS.helloWorld),
    );
  });
});

function notToBeUsed(): never {
  throw new TypeError('nothing was to be stored');
}

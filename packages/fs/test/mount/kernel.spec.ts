import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { treeFromDisk, ingestTree } from '@tvix/castore';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmod,
  mkdir,
  mkdtemp,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { BACKENDS } from './support/backends.ts';
import type { Backend } from './support/backends.ts';
import { Mounts, shell } from './support/mounts.ts';
import { describeMounts } from './support/requirements.ts';

jest.setTimeout(60_000);

const BIG_BYTES = 24 * 1024 * 1024;

/** Bytes that compress badly and repeat nowhere, the same at each run. */
function noise(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0, i = 0; at < length; at += 32, i++)
    createHash('sha256').update(`${i}`).digest().copy(bytes, at);
  return bytes;
}

async function makeTree(directory: string): Promise<void> {
  await mkdir(join(directory, 'many'), { recursive: true });
  for (let i = 0; i < 3000; i++)
    await writeFile(join(directory, 'many', `file ${i}`), `contents ${i}\n`);
  for (const twin of ['twin-a', 'twin-b']) {
    await mkdir(join(directory, twin, 'inner'), { recursive: true });
    await writeFile(join(directory, twin, 'inner', 'leaf'), 'leaf');
  }
  await writeFile(join(directory, 'big'), noise(BIG_BYTES));
  await writeFile(join(directory, 'program'), '#!/bin/sh\necho "ran $1"\n');
  await chmod(join(directory, 'program'), 0o755);
  await symlink('many/file 7', join(directory, 'link'));
  await writeFile(Buffer.from(`${directory}/\xff\xfe`, 'latin1'), 'no text');
}

const NAMES = [
  'memory, asked across threads',
  'a local store, opened by the serving thread',
];

describeMounts('programs on a mount', ['fuse', 'root'], () => {
  describe.each(BACKENDS.filter(([name]) => NAMES.includes(name)))(
    'over %s',
    (_, openBackend) => {
      const mounts = new Mounts();
      let backend: Backend;
      let original: string;
      let mounted: string;
      let root: string;

      beforeAll(async () => {
        original = await mkdtemp(join(tmpdir(), 'tvix-fs-tree-'));
        await makeTree(original);
        backend = await openBackend();
        const node = await ingestTree(treeFromDisk(original), backend.services);
        const mount = await mounts.mount({
          ...backend.mountable(new Map([['tree', node]])),
          xattrs: true,
        });
        root = mount.mountPoint;
        mounted = join(root, 'tree');
      });

      afterAll(async () => {
        await mounts.clear();
        await backend.close();
        await rm(original, { recursive: true });
      }, 60_000);

      it('see no difference to the original', async () => {
        expect(
          await shell(`diff -r --no-dereference ${original} ${mounted}`),
        ).toBe('');
      });

      it('walk it as any tree: find, tar, du', async () => {
        const list = (path: string): Promise<string> =>
          shell(`cd ${path} && find . -printf '%P %y %l\\n' | LC_ALL=C sort`);
        expect(await list(mounted)).toBe(await list(original));
        const tar = 'tar -c --sort=name . | tar -x --to-stdout | sha256sum';
        expect(await shell(`cd ${mounted} && ${tar}`)).toBe(
          await shell(`cd ${original} && ${tar}`),
        );
        const files = 'find . -type f -printf "%b\\n"';
        expect(await shell(`cd ${mounted}/many && ${files} | sort -u`)).toBe(
          '1\n',
        );
        const sum = Number(
          (await shell(`du -s -B512 ${mounted}/big`)).split('\t')[0],
        );
        expect(sum).toBe(BIG_BYTES / 512);
        expect(await shell(`find ${mounted}/many -size -1c | wc -l`)).toBe(
          '0\n',
        );
      });

      it('run from it, map it, and read around the page cache', async () => {
        expect(await shell(`${mounted}/program here`)).toBe('ran here\n');
        const { stdout } = await promisify(execFile)('python3', [
          '-c',
          `import mmap,hashlib
f=open('${mounted}/big','rb')
m=mmap.mmap(f.fileno(),0,prot=mmap.PROT_READ)
print(hashlib.sha256(m).hexdigest())`,
        ]);
        const sum = await shell(`sha256sum < ${original}/big`);
        expect(sum).toContain(stdout.trim());
        expect(
          await shell(
            `dd if=${mounted}/big iflag=direct bs=1M 2>/dev/null | sha256sum`,
          ),
        ).toBe(sum);
      });

      it('read digests as extended attributes', async () => {
        const { stdout } = await promisify(execFile)('python3', [
          '-c',
          `import os
print(os.listxattr('${mounted}/program'), os.getxattr('${mounted}', 'user.tvix.castore.directory.digest').decode())`,
        ]);
        expect(stdout).toMatch(
          /^\['user\.tvix\.castore\.blob\.digest'\] b3:[A-Za-z0-9+/]{43}=\n$/,
        );
      });

      it('stay where they are inside one of two equal directories', async () => {
        const [a, b] = [join(mounted, 'twin-a'), join(mounted, 'twin-b')];
        expect(
          await shell(
            `cd ${a}/inner && ls ${b}/inner >/dev/null && pwd -P && ls .. ; cat ../../twin-b/inner/leaf; cd .. && pwd -P`,
          ),
        ).toBe(`${a}/inner\ninner\nleaf${a}\n`);
        expect(
          await shell(`stat -c %i ${a}/inner ${b}/inner | uniq | wc -l`),
        ).toBe('1\n');
      });

      it('read at random places, 64 at once', async () => {
        await shell('echo 3 > /proc/sys/vm/drop_caches');
        const { stdout } = await promisify(execFile)('python3', [
          '-c',
          `import os,threading,random
one=os.open('${original}/big',os.O_RDONLY); two=os.open('${mounted}/big',os.O_RDONLY)
bad=[]
def work(seed):
    r=random.Random(seed)
    for _ in range(60):
        at=r.randrange(${BIG_BYTES}); n=r.randrange(1,200000)
        if os.pread(one,n,at)!=os.pread(two,n,at): bad.append((at,n))
ts=[threading.Thread(target=work,args=(i,)) for i in range(64)]
[t.start() for t in ts]; [t.join() for t in ts]
print('different', bad)`,
        ]);
        expect(stdout).toBe('different []\n');
      });

      it('find everything again after the kernel has forgotten it', async () => {
        const list = `find ${mounted} -printf '%i %p\\n' | LC_ALL=C sort -k2 | sha256sum`;
        const before = await shell(list);
        for (let round = 0; round < 3; round++) {
          await shell('echo 2 > /proc/sys/vm/drop_caches');
          expect(await shell(list)).toBe(before);
        }
      });
    },
  );
});

import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { buildCaPath, NixHash } from '@tvix/nar';
import { toPathContentAddress } from '../../src/path-info/content-address.ts';
import { PathInfo } from '../../src/path-info/path-info.ts';
import { verifyContentAddress } from '../../src/path-info/verify-content-address.ts';
import { memoryServices } from '../binary-cache/started-cache.ts';
import { storeTree } from '../fixtures.ts';

/** The path of a file by its contents, whatever its NAR is. */
async function flatPath(contents: string): Promise<PathInfo> {
  const node = await storeTree('helloWorld', memoryServices());
  if (node.type !== 'file') throw new Error('not a file');
  const digest = createHash('sha256').update(contents).digest();
  const address = {
    method: 'flat',
    hash: NixHash.from('sha256', digest),
  } as const;
  const storePath = buildCaPath('hello', address, {
    references: [],
    self: false,
  });
  return PathInfo.create(
    storePath,
    { ...node, executable: false },
    {
      narSize: 0n,
      narSha256: new Uint8Array(32),
      signatures: [],
      references: [],
      deriver: undefined,
      ca: toPathContentAddress(address),
    },
  );
}

describe('the content address of a file', () => {
  it('is proven by its contents, and by no others', async () => {
    const storage = memoryServices();
    await storeTree('helloWorld', storage);
    for (const [contents, verdict] of [
      ['Hello World!', 'proven'],
      ['Hello?', 'wrong'],
    ] as const) {
      const pathInfo = await flatPath(contents);
      expect(await verifyContentAddress(pathInfo, storage)).toBe(verdict);
    }
  });

  it('is not called wrong where its contents are missing', async () => {
    const pathInfo = await flatPath('Hello World!');
    await expect(
      verifyContentAddress(pathInfo, memoryServices()),
    ).rejects.toMatchObject({ code: 'store/incomplete-tree' });
  });
});

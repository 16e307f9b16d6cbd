import { describe, expect, it } from '@jest/globals';
import {
  B3Digest,
  Directory,
  MemoryBlobService,
  MemoryDirectoryService,
  pathComponent,
  symlinkTarget,
} from '@tvix/castore';
import type { NamedNode, Node } from '@tvix/castore';
import { RenderingNarCalculation } from '../../src/nar/rendering-calculation.ts';

/** The files of the net-tools package that the reference tests with: directory, name, size, BLAKE3. Those in bin are executable. */
const FILES = `
bin arp 55288 fbc4614a292711cbcce499819cf0a917f7d091beea08cb5baa7676f5ee4f82bb
bin hostname 17704 9c6ae4b5e46cb567450eaa2ad8dd9b38d7ed010284f726e1c7f31cebaa8a0130
bin ifconfig 72576 25be3b1df41a454279092c2a83f00bffe8c09c269870154da8ca05fe9268352e
bin nameif 18776 8eaac5db71088ee5e6301f2c3af242390c5715af50aa1cdf84220877035462b1
bin netstat 131784 13347edd2a9a170b3fc70ae49289259faab5056b24a791ebaff9e93556aa2fb2
bin plipconfig 13160 197c80dc81dcb4c045e1f976514f50bfa469519ad4a9e7aae70d5332ff284060
bin rarp 30384 0885b485032b3c7a3e244cf8cc45019e79438c6f5e324654b668918ea0cb6e0d
bin route 61928 4d1420899e76f4e29253ee9b787d23806cffe633dc4a10293902a060ffe2bbd7
bin slattach 35672 fb25c373b7b10b25cd7b62f67183fe3680f648c3dbd80cfeb8d3da329b474b05
man1 dnsdomainname.1.gz 40 988abdfa64d5b927fe374356b318c72bcbe3171c17f417eb4aa4996439ca2dee
man1 domainname.1.gz 40 988abdfa64d5b927fe374356b318c72bcbe3171c17f417eb4aa4996439ca2dee
man1 nisdomainname.1.gz 40 988abdfa64d5b927fe374356b318c72bcbe3171c17f417eb4aa4996439ca2dee
man1 ypdomainname.1.gz 40 988abdfa64d5b927fe374356b318c72bcbe3171c17f417eb4aa4996439ca2dee
man1 hostname.1.gz 1660 bf89e62800246679700438d6dd9df60e0dee00f7644f05089df036de85f475db
man5 ethers.5.gz 563 42638cc41893cf60d6ff43bc16b4fd22d2f2050b52dc6a6bff34e26a383a07e3
man8 arp.8.gz 2464 f5354ef5f644f7520f42a02651d989f968f2efebbae1f455015777b7685592ef
man8 ifconfig.8.gz 3382 1865251132ee7791354c3c24dbaf66dbfc177bbae13d05d2ca6e2ce4efb8a8be
man8 nameif.8.gz 523 73c127e83ba849dc0edf705faf06012c62e9186701946426ca9522c0dce442b6
man8 netstat.8.gz 4284 c086434a4357aa84a724a07c6538461cf245a2ef124418ba5256e98e6a0f7063
man8 plipconfig.8.gz 889 2ad91da89e0d05d0b049aa64ba2928c645e1bb5e728d487b094f0a821e2683ab
man8 rarp.8.gz 1198 3d51c1d06a591e6d9af506d2e77d7dd0703d8464c37dfb10843be1a9df46ee9f
man8 route.8.gz 3525 2a5a4b4f91f278e4a925b27fa72ac08a4a65c95f07a04844eb46f9c9e1179621
man8 slattach.8.gz 1441 3f056b20e1e4f0ba1615666b5796e99d83a820af8aca164da26d948eca918fd4`;

const SYMLINKS = [
  'dnsdomainname',
  'domainname',
  'nisdomainname',
  'ypdomainname',
];

function filesOf(folder: string): NamedNode[] {
  return FILES.trim()
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([where]) => where === folder)
    .map(([, name, size, digest]) => ({
      name: pathComponent(name!),
      node: {
        type: 'file',
        size: BigInt(size!),
        digest: B3Digest.parse(digest!),
        executable: folder === 'bin',
      },
    }));
}

function linkTo(name: string, target: string): NamedNode {
  return {
    name: pathComponent(name),
    node: { type: 'symlink', target: symlinkTarget(target) },
  };
}

function below(name: string, { digest, size }: Directory): NamedNode {
  return {
    name: pathComponent(name),
    node: { type: 'directory', digest, size },
  };
}

function netTools(): Record<string, Directory> {
  const bin = Directory.fromEntries([
    ...filesOf('bin'),
    ...SYMLINKS.map((name) => linkTo(name, 'hostname')),
  ]);
  const [man1, man5, man8] = ['man1', 'man5', 'man8'].map((name) =>
    Directory.fromEntries(filesOf(name)),
  );
  const man = Directory.fromEntries([
    below('man1', man1!),
    below('man5', man5!),
    below('man8', man8!),
  ]);
  const share = Directory.fromEntries([below('man', man)]);
  const root = Directory.fromEntries([
    below('bin', bin),
    below('share', share),
    linkTo('sbin', 'bin'),
  ]);
  return { bin, man1: man1!, man5: man5!, man8: man8!, man, share, root };
}

describe('the net-tools tree', () => {
  it.each([
    [
      'bin',
      13n,
      558,
      'a80230e56398ac39f19008338ee1f773c1d6d3b7f5cd4125f99ecb430101a805',
    ],
    [
      'man1',
      5n,
      282,
      '70025b640ad4489d431ea2741f436f2a5264644a95bff2c6107c4211a625e91a',
    ],
    [
      'man5',
      1n,
      52,
      '6c8b753000e87dbb92e6e6c60980bdafdb340071c51db73cc3c9dd030b3807b5',
    ],
    [
      'man8',
      8n,
      419,
      '588e7759e0faa000006f9c6f9e91b24c9858649dff31bdb5dbb0f0f64755b416',
    ],
    [
      'man',
      17n,
      132,
      '98d8f1667ea66979870c8c19f00fe6b170e9d4274da3bff8aa46a74b32892a5a',
    ],
    [
      'share',
      18n,
      43,
      '803991a9543dfad956166bac3230c188818590fa9914a3c2ef3826d25ba80448',
    ],
    [
      'root',
      34n,
      101,
      '189a4a0d0f964c950afabb8b83c7f8a5e3511c3c657368411a6d0ae8efd318db',
    ],
  ])('has the directory %s of the reference', (name, size, length, digest) => {
    const directory = netTools()[name]!;
    expect([
      directory.size,
      directory.encode().length,
      directory.digest.toHex(),
    ]).toEqual([size, length, digest]);
  });

  it('has a NAR of the size that the reference has, whatever its files contain', async () => {
    const directories = new MemoryDirectoryService();
    const tree = netTools();
    for (const directory of Object.values(tree))
      await directories.put(directory);
    const blobs = new MemoryBlobService();
    const sizes = new Map(
      FILES.trim()
        .split('\n')
        .map((line) => line.split(' '))
        .map(([, , size, digest]) => [digest, Number(size)]),
    );
    const zeros = (digest: B3Digest): Uint8Array =>
      new Uint8Array(sizes.get(digest.toHex())!);
    blobs.getMany = async (digests) => digests.map(zeros);
    blobs.openRead = async (digest) => ({
      size: zeros(digest).length,
      async *read() {
        yield zeros(digest);
      },
      async close() {},
      async [Symbol.asyncDispose]() {},
    });
    const { digest, size } = tree['root']!;
    const root: Node = { type: 'directory', digest, size };
    expect(
      (
        await new RenderingNarCalculation({ blobs, directories }).calculateNar(
          root,
        )
      ).narSize,
    ).toBe(464152n);
  });
});

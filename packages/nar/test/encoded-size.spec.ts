import { describe, expect, it } from '@jest/globals';
import {
  archiveSize,
  contentsOffset,
  directoryNodeSize,
  entriesOffset,
  entryNodeOffset,
  entrySize,
  regularNodeSize,
  rootNodeOffset,
  stringSize,
} from '../src/encoded-size.ts';
import { NarParser } from '../src/parse.ts';
import { encodeTree } from './support/plain-encoder.ts';
import { nodeSize } from './support/sizes.ts';
import { directory, file, link, type Tree } from './support/tree.ts';

/** A file of which only the size is known. */
const sized = (length: number, executable = false): Tree => ({
  file: { length } as Uint8Array,
  executable,
});

const NET_TOOLS = directory({
  bin: directory({
    arp: sized(55288, true),
    dnsdomainname: link('hostname'),
    domainname: link('hostname'),
    hostname: sized(17704, true),
    ifconfig: sized(72576, true),
    nameif: sized(18776, true),
    netstat: sized(131784, true),
    nisdomainname: link('hostname'),
    plipconfig: sized(13160, true),
    rarp: sized(30384, true),
    route: sized(61928, true),
    slattach: sized(35672, true),
    ypdomainname: link('hostname'),
  }),
  sbin: link('bin'),
  share: directory({
    man: directory({
      man1: directory({
        'dnsdomainname.1.gz': sized(40),
        'domainname.1.gz': sized(40),
        'hostname.1.gz': sized(1660),
        'nisdomainname.1.gz': sized(40),
        'ypdomainname.1.gz': sized(40),
      }),
      man5: directory({ 'ethers.5.gz': sized(563) }),
      man8: directory({
        'arp.8.gz': sized(2464),
        'ifconfig.8.gz': sized(3382),
        'nameif.8.gz': sized(523),
        'netstat.8.gz': sized(4284),
        'plipconfig.8.gz': sized(889),
        'rarp.8.gz': sized(1198),
        'route.8.gz': sized(3525),
        'slattach.8.gz': sized(1441),
      }),
    }),
  }),
});

describe('encoded sizes', () => {
  it('add up to the size of a real archive, without its contents', () => {
    expect(archiveSize(nodeSize(NET_TOOLS))).toBe(464152n);
  });

  it('count the length field and the padding of a string', () => {
    expect([0n, 1n, 8n, 9n].map(stringSize)).toEqual([8n, 16n, 16n, 24n]);
    expect(stringSize(2n ** 60n + 1n)).toBe(2n ** 60n + 16n);
  });

  it('locate the contents of every file', () => {
    const contents = [file('first', true), file('second')] as const;
    const archive = encodeTree(
      directory({ a: contents[0], bcdefghij: contents[1] }),
    );
    const firstEntry = rootNodeOffset() + entriesOffset();
    const secondEntry = firstEntry + entrySize(1, regularNodeSize(true, 5n));
    const expected = [
      firstEntry + entryNodeOffset(1) + contentsOffset(true),
      secondEntry + entryNodeOffset(9) + contentsOffset(false),
    ];
    const parsed = new NarParser()
      .push(archive)
      .flatMap((event) =>
        event.type === 'regular' ? [BigInt(event.offset)] : [],
      );
    expect(parsed).toEqual(expected);
    expect(
      archive.subarray(Number(expected[1]), Number(expected[1]) + 6),
    ).toEqual(Uint8Array.from(Buffer.from('second')));
  });

  it('know an empty directory', () => {
    expect(archiveSize(directoryNodeSize(0n))).toBe(96n);
  });
});

import { expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { CastoreFs } from '../src/castore-fs.ts';
import { ServiceBlobSource } from '../src/blob-source.ts';
import { rootNodesFromDirectory } from '../src/root-nodes.ts';
import { digestOf, memoryServices, putTree } from './support/tree.ts';

interface Exchange {
  readonly operation: string;
  readonly request: string;
  /** Left out where the kernel wants none. */
  readonly reply?: string;
}

/** Recorded between Linux 6.18 and a real mount of the tree below: `ls`, `cat`, `stat -f`, caches dropped, `touch`. */
const EXCHANGES = JSON.parse(
  readFileSync(new URL('./vectors/linux-6.18.json', import.meta.url), 'utf8'),
) as readonly Exchange[];

it('what a real kernel said is answered byte for byte as it was then', async () => {
  const services = memoryServices();
  const root = await putTree(services, {
    docs: {
      'hello.txt': 'hello\n',
      link: ['hello.txt'],
      'run*': '#!/bin/sh\n',
    },
  });
  const fs = new CastoreFs({
    rootNodes: rootNodesFromDirectory(services.directories, digestOf(root)),
    directories: services.directories,
    blobs: new ServiceBlobSource(services.blobs),
  });
  for (const { operation, request, reply } of EXCHANGES) {
    const bytes = Buffer.from(request, 'hex');
    const answer = await new Promise<string | undefined>((resolve) => {
      fs.handle(bytes, (message, data = []) => {
        resolve(Buffer.concat([message, ...data]).toString('hex'));
        return true;
      });
      if (reply === undefined) resolve(undefined);
    });
    expect([operation, answer]).toEqual([operation, reply]);
  }
  expect(EXCHANGES.length).toBe(20);
});

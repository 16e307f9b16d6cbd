import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Daemon } from '../support/daemon.ts';
import { Guest, makeGuest, missingForGuests } from '../support/guest.ts';
import { line, tvixStore } from '../support/program.ts';
import { scratchFolder } from '../support/scratch.ts';
import { seededBytes } from '../support/trees.ts';
import { VirtiofsProcess } from '../support/virtiofs.ts';

const FILES = 300;
/** A test boots up to three times; each boot has a limit of its own. */
const TEST_MS = 360_000;
const missing = missingForGuests();
if (missing.length > 0)
  process.stderr.write(
    `skipped: virtual machines: needs ${missing.join(', ')}\n`,
  );
const describeGuests = missing.length > 0 ? describe.skip : describe;

const scratch = scratchFolder();
const tree = join(scratch.path, 'tree');
const processes: { stop(signal: NodeJS.Signals): Promise<unknown> }[] = [];
const guests: Guest[] = [];
/** What the guest is to see: `sha256  ./path` of each file, in bytewise order. */
const sums: string[] = [];
let folder: string;

function putFile(path: string, contents: Uint8Array, mode = 0o644): void {
  writeFileSync(join(tree, path), contents, { mode });
  const sum = createHash('sha256').update(contents).digest('hex');
  sums.push(`${sum}  ./${path}`);
}

function boot(options: Partial<ConstructorParameters<typeof Guest>[0]>): Guest {
  const guest = new Guest({
    folder,
    socket: join(scratch.path, 'socket'),
    script: '',
    ...options,
  });
  guests.push(guest);
  return guest;
}

beforeAll(async () => {
  if (missing.length > 0) return;
  folder = await makeGuest();
  for (const path of ['bin', 'empty', 'many'])
    mkdirSync(join(tree, path), { recursive: true });
  putFile(
    'bin/hello',
    Buffer.from('#!/bin/sh\necho hello from the store\n'),
    0o755,
  );
  putFile('large', seededBytes(7, 24 * 1024 * 1024));
  for (let i = 0; i < FILES; i++)
    putFile(`many/${1000 + i}`, Buffer.from(`file ${i}\n`.repeat(i)));
  symlinkSync('bin/hello', join(tree, 'link'));
}, 300_000);

afterAll(async () => {
  for (const guest of guests) await guest.kill();
  for (const process of processes) await process.stop('SIGKILL');
  scratch.remove();
});

describeGuests('a virtual machine', () => {
  it(
    'with memory in two parts lists, reads and runs what a local store holds',
    async () => {
      const store = `local:${join(scratch.path, 'store')}`;
      const path = await line(tvixStore(['import', '--store', store, tree]));
      const socket = join(scratch.path, 'socket');
      const server = await VirtiofsProcess.start([
        '--store',
        store,
        '-l',
        socket,
      ]);
      processes.push(server);
      const guest = boot({
        memory: '3G',
        script: [
          'ls /mnt',
          `cd /mnt/${basename(path)}`,
          'find . -type f | sort | xargs sha256sum',
          'find . ! -type f | sort | xargs stat -c "%A %N"',
          'stat -c "%A %s %u" bin/hello',
          './link',
          'touch x 2>&1',
          'cat ../0000000000000000000000000000000a-x 2>&1',
        ].join('\n'),
      });
      expect(await guest.lines()).toEqual([
        basename(path),
        ...sums.sort((a, b) => (a.slice(66) < b.slice(66) ? -1 : 1)),
        'dr-xr-xr-x .',
        'dr-xr-xr-x ./bin',
        'dr-xr-xr-x ./empty',
        "lr--r--r-- './link' -> 'bin/hello'",
        'dr-xr-xr-x ./many',
        '-r-xr-xr-x 36 0',
        'hello from the store',
        'touch: x: Read-only file system',
        "cat: can't open '../0000000000000000000000000000000a-x': No such file or directory",
      ]);
      expect(await server.stop()).toBe(0);
      expect(existsSync(socket)).toBe(false);
    },
    TEST_MS,
  );

  it(
    'reboots, loses its power and comes back, over a store behind gRPC',
    async () => {
      const address = join(scratch.path, 'daemon');
      const daemon = await Daemon.start(['--store', 'memory:', '-l', address]);
      processes.push(daemon);
      const store = `grpc+unix://${address}`;
      const path = await line(tvixStore(['import', '--store', store, tree]));
      const socket = join(scratch.path, 'socket');
      const server = await VirtiofsProcess.start(['--store', store, socket]);
      processes.push(server);
      const read = `cd /mnt/${basename(path)}; sha256sum ./large`;
      const [sum] = sums.filter((text) => text.endsWith('./large'));

      const rebooting = boot({
        script: `${read}; echo; reboot -f`,
        mayReboot: true,
      });
      await rebooting.said(sum!, 2);
      await rebooting.kill();

      expect(await boot({ script: read }).lines()).toEqual([sum]);
      expect(server.log.join('\n')).not.toContain('cut off');
      expect(await server.stop()).toBe(0);
    },
    TEST_MS,
  );
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { Daemon } from '../support/daemon.ts';
import { freePort } from '../support/free-port.ts';
import { line, output, tvixStore } from '../support/program.ts';
import { scratchFolder } from '../support/scratch.ts';
import { seededBytes } from '../support/trees.ts';

const FILES = 400;

/** A file in the second half of the archive. */
const DAMAGED = 300;

describe('archives that a daemon reads in its threads', () => {
  const scratch = scratchFolder();
  const store = join(scratch.path, 'store');
  const files = Array.from({ length: FILES }, (_, i) =>
    i % 2 === 0
      ? seededBytes(i, 50_000)
      : Buffer.from(`${seededBytes(i, 100).toString('hex')}\n`.repeat(200)),
  );
  let nar: Buffer;
  let path: string;

  beforeAll(async () => {
    const tree = join(scratch.path, 'tree');
    mkdirSync(tree);
    for (const [i, contents] of files.entries())
      writeFileSync(join(tree, `f${String(i).padStart(3, '0')}`), contents);
    nar = await output(tvixStore(['nar', 'dump', tree]));
    const printed = await line(
      tvixStore(['import', '--store', `local:${store}`, tree]),
    );
    path = `/nar/${printed.slice('/nix/store/'.length).slice(0, 32)}.nar`;
  });
  afterAll(() => scratch.remove());

  async function start(): Promise<{ daemon: Daemon; url: string }> {
    const port = await freePort();
    const daemon = await Daemon.start([
      ...['--store', `local:${store}`, '-l', '127.0.0.1:0'],
      ...['--http-listen', `127.0.0.1:${port}`],
    ]);
    return { daemon, url: `http://127.0.0.1:${port}${path}` };
  }

  it('come whole, from every offset, while other clients vanish, and leave no pack open', async () => {
    const { daemon, url } = await start();
    await using running = daemon;
    const whole = async (start: number): Promise<void> => {
      const { bytes, isWhole } = await download(url, { start });
      expect(isWhole).toBe(true);
      expect(Buffer.compare(bytes, nar.subarray(start))).toBe(0);
    };
    await whole(0);
    const packs = (): number => openPacks(running.child.pid!, store);
    const before = packs();
    for (let round = 0; round < 3; round++) {
      await Promise.all([
        ...Array.from({ length: 10 }, (_, i) =>
          download(url, { start: 0, dieAfter: 1_000_000 * i }),
        ),
        ...[0, 1, 700_001, 7_000_000].map(whole),
      ]);
    }
    expect(packs()).toBeLessThanOrEqual(before);
    expect(await running.peakMiB()).toBeLessThan(300);
  });

  it('break off before what is damaged, and never say anything else', async () => {
    damage(store, files[DAMAGED]!);
    const { daemon, url } = await start();
    await using running = daemon;
    for (let i = 0; i < 2; i++) {
      const { bytes, isWhole } = await download(url, { start: 0 });
      expect(isWhole).toBe(false);
      expect(bytes.length).toBeGreaterThan(nar.length / 4);
      expect(bytes.length).toBeLessThan(nar.length);
      const expected = nar.subarray(0, bytes.length);
      expect(Buffer.compare(bytes, expected)).toBe(0);
    }
    // What lies behind it is sound.
    const from = nar.length - 1_000_000;
    const { bytes } = await download(url, { start: from });
    expect(Buffer.compare(bytes, nar.subarray(from))).toBe(0);
    expect(running.child.exitCode).toBeNull();
  });
});

/** What came of an archive from an offset on, and whether that was all that was announced. */
function download(
  url: string,
  { start, dieAfter = Infinity }: { start: number; dieAfter?: number },
): Promise<{ bytes: Buffer; isWhole: boolean }> {
  return new Promise((resolve, reject) => {
    const headers = { Range: `bytes=${start}-` };
    const request = get(url, { agent: false, headers }, (response) => {
      const pieces: Buffer[] = [];
      let length = 0;
      response.on('data', (piece: Buffer) => {
        pieces.push(piece);
        length += piece.length;
        if (length >= dieAfter) response.destroy();
      });
      // A reply that was cut tells of it.
      response.on('error', () => {});
      response.on('close', () =>
        resolve({ bytes: Buffer.concat(pieces), isWhole: response.complete }),
      );
    });
    request.on('error', reject);
  });
}

/** Changes one byte of a file that is stored as it is. */
function damage(store: string, contents: Buffer): void {
  const packs = join(store, 'packs');
  for (const name of readdirSync(packs, { recursive: true })) {
    const file = join(packs, String(name));
    if (!file.endsWith('.pack')) continue;
    const bytes = readFileSync(file);
    const at = bytes.indexOf(contents);
    if (at < 0) continue;
    bytes[at + 1000]! ^= 1;
    return writeFileSync(file, bytes);
  }
  throw new Error('no pack holds the file as it is');
}

/** How many descriptors of packs a process has. */
function openPacks(pid: number, store: string): number {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).filter((fd) => {
    try {
      return readlinkSync(join(folder, fd)).startsWith(join(store, 'packs'));
    } catch {
      return false;
    }
  }).length;
}

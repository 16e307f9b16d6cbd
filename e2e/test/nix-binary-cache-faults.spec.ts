import { afterAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Daemon } from '../support/daemon.ts';
import { freePort } from '../support/free-port.ts';
import { describeWith } from '../support/machine.ts';
import { isWhole, pathToUpload, put } from '../support/nar-upload.ts';
import type { UploadedPath } from '../support/nar-upload.ts';
import { scratchFolder } from '../support/scratch.ts';

const ROUNDS = 8;
const CLIENTS = 12;

const scratch = scratchFolder();
const store = `local:${join(scratch.path, 'store')}`;

afterAll(() => scratch.remove());

function start(port: number, at = store): Promise<Daemon> {
  return Daemon.start([
    ...['--store', at, '-l', '127.0.0.1:0'],
    ...['--http-listen', `127.0.0.1:${port}`],
  ]);
}

describe('a daemon that is killed during uploads', () => {
  it('has all that it acknowledged, and nothing by halves', async () => {
    const port = await freePort();
    const acknowledged = new Set<UploadedPath>();
    const begun: UploadedPath[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const daemon = await start(port);
      const paths = Array.from({ length: CLIENTS }, (_, i) =>
        pathToUpload(round * CLIENTS + i + 1, 200_000 + 30_011 * i),
      );
      begun.push(...paths);
      let left = 1 + 2 * round;
      const upload = async (path: UploadedPath): Promise<void> => {
        for (const [to, body] of [
          [path.narPath, path.nar],
          [path.narInfoPath, path.narInfo],
        ] as const) {
          expect(await put(port, to, body)).toBe(200);
          if (body === path.narInfo) acknowledged.add(path);
          if (--left === 0) daemon.child.kill('SIGKILL');
        }
      };
      await Promise.allSettled(paths.map(upload));
      await daemon.stop('SIGKILL');
    }
    expect(acknowledged.size).toBeGreaterThan(0);
    expect(acknowledged.size).toBeLessThan(begun.length);
    await using daemon = await start(port);
    for (const path of begun) {
      const isThere = await isWhole(port, path);
      if (acknowledged.has(path)) expect(isThere).toBe(true);
    }
    expect(daemon.child.exitCode).toBeNull();
  });
});

describe('a hundred clients of which thirty die', () => {
  it('leave no descriptor open and nothing by halves', async () => {
    const port = await freePort();
    await using daemon = await start(port);
    const descriptors = (): number =>
      readdirSync(`/proc/${daemon.child.pid}/fd`).length;
    // The first upload opens what stays open.
    const first = pathToUpload(9999, 100_000);
    expect(await put(port, first.narPath, first.nar)).toBe(200);
    const before = descriptors();
    const clients = Array.from({ length: 100 }, (_, i) => ({
      path: pathToUpload(10_000 + i, 300_000 + i * 1009),
      dies: i % 10 < 3,
    }));
    const run = async ({
      path,
      dies,
    }: (typeof clients)[number]): Promise<void> => {
      const dieAfter = dies ? (path.nar.length * 7919) % 300_000 : Infinity;
      await put(port, path.narPath, path.nar, { dieAfter });
      await put(port, path.narInfoPath, path.narInfo);
    };
    const outcomes = await Promise.allSettled(clients.map(run));
    for (const [i, { path, dies }] of clients.entries()) {
      expect(outcomes[i]!.status).toBe(dies ? 'rejected' : 'fulfilled');
      expect(await isWhole(port, path)).toBe(!dies);
    }
    // What fetch keeps open for later is no leak.
    await fetch(`http://127.0.0.1:${port}/health`, {
      headers: { Connection: 'close' },
    });
    expect(descriptors()).toBeLessThanOrEqual(before + 10);
    expect(await daemon.peakMiB()).toBeLessThan(300);
  });
});

describe('uploads that grow without end', () => {
  it('are refused at their bound, thirty at a time, in memory that stays flat', async () => {
    const port = await freePort();
    await using daemon = await start(port);
    // An archive of one file that never ends, which gzip makes a thousandth of.
    const archive = narBeginning(300 * 1024 * 1024);
    const bomb = gzipSync(Buffer.concat([archive, Buffer.alloc(16_000_000)]), {
      level: 9,
    });
    const name = `/nar/${'0'.repeat(52)}.nar`;
    const answers = await Promise.all(
      Array.from({ length: 30 }, () => put(port, name, bomb)),
    );
    expect(new Set(answers)).toStrictEqual(new Set([400]));
    expect(await daemon.peakMiB()).toBeLessThan(300);
    expect((await fetch(`http://127.0.0.1:${port}/health`)).status).toBe(200);
  });
});

describeWith(['root'], 'a disk that fills up during uploads', () => {
  it('takes nothing by halves, and goes on once there is room', async () => {
    const disk = join(scratch.path, 'disk');
    mkdirSync(disk);
    const mount = (options: string): void =>
      void execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'none', disk]);
    mount('size=100m');
    try {
      const port = await freePort();
      await using daemon = await start(port, `local:${disk}`);
      const acknowledged: UploadedPath[] = [];
      const refused: UploadedPath[] = [];
      for (let seed = 1; refused.length < 3 && seed < 30; seed++) {
        const path = pathToUpload(50_000 + seed, 3_000_000);
        const isTaken =
          (await put(port, path.narPath, path.nar)) === 200 &&
          (await put(port, path.narInfoPath, path.narInfo)) === 200;
        (isTaken ? acknowledged : refused).push(path);
      }
      expect(acknowledged.length).toBeGreaterThan(0);
      expect(refused.length).toBe(3);
      for (const path of refused) {
        // The narinfo is the commit point: a NAR may be taken before it turns out that there is no room for it.
        const taken = await put(port, path.narPath, path.nar);
        const answer =
          taken === 200
            ? await put(port, path.narInfoPath, path.narInfo)
            : taken;
        expect(answer).toBe(413);
      }
      for (const path of acknowledged)
        expect(await isWhole(port, path)).toBe(true);
      for (const path of refused) expect(await isWhole(port, path)).toBe(false);
      mount('remount,size=300m');
      for (const path of refused) {
        expect(await put(port, path.narPath, path.nar)).toBe(200);
        expect(await put(port, path.narInfoPath, path.narInfo)).toBe(200);
        expect(await isWhole(port, path)).toBe(true);
      }
      await daemon.stop();
    } finally {
      execFileSync('umount', [disk]);
    }
  });
});

/** The beginning of an archive of one file of that length. */
function narBeginning(length: number): Buffer {
  const str = (text: string): Buffer => {
    const bytes = Buffer.alloc(8 + Math.ceil(text.length / 8) * 8);
    bytes.writeBigUInt64LE(BigInt(text.length));
    bytes.write(text, 8);
    return bytes;
  };
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(length));
  const words = ['nix-archive-1', '(', 'type', 'regular', 'contents'];
  return Buffer.concat([...words.map(str), size]);
}

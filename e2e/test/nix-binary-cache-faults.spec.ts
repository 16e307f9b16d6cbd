import { afterAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { Daemon } from '../support/daemon.ts';
import { freePort } from '../support/free-port.ts';
import { describeWith } from '../support/machine.ts';
import { isWhole, pathToUpload, put } from '../support/nar-upload.ts';
import type { UploadedPath } from '../support/nar-upload.ts';
import { scratchFolder } from '../support/scratch.ts';

const ROUNDS = 8;
const CLIENTS = 12;
const MIB = 1024 * 1024;
/** A pack in its folder, or that folder. */
const PACK = /^[0-9a-f]{2}(\/[0-9a-f]+\.pack)?$/;

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
    // The first upload opens what stays open.
    const first = pathToUpload(9999, 100_000);
    expect(await put(port, first.narPath, first.nar)).toBe(200);
    const before = daemon.openFiles().length;
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
    await closeIdleConnections(port);
    expect(daemon.openFiles().length).toBeLessThanOrEqual(before + 10);
    expectNothingTemporary(daemon, join(scratch.path, 'store'));
    expect(await daemon.peakMiB()).toBeLessThan(300);
  });
});

describe('uploads that grow without end', () => {
  it('are refused at their bound, thirty at a time, in memory that stays flat', async () => {
    const port = await freePort();
    await using daemon = await start(port);
    // An archive of one file that never ends. Brotli makes nothing of its zeros, gzip a thousandth.
    const archive = (zeros: number): Buffer =>
      Buffer.concat([narBeginning(1024 * MIB), Buffer.alloc(zeros)]);
    const params = { [constants.BROTLI_PARAM_QUALITY]: 2 };
    const beyond = brotliCompressSync(archive(260 * MIB), { params });
    const cutOff = gzipSync(archive(16 * MIB), { level: 9 });
    const name = `/nar/${'0'.repeat(52)}.nar`;
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, i) =>
        i < 2 ? put(port, `${name}.br`, beyond) : put(port, name, cutOff),
      ),
    );
    expect(answers.slice(0, 2)).toStrictEqual([413, 413]);
    expect(new Set(answers.slice(2))).toStrictEqual(new Set([400]));
    expect(await daemon.peakMiB()).toBeLessThan(300);
    expect((await fetch(`http://127.0.0.1:${port}/health`)).status).toBe(200);
    const logged = await daemon.logged(/"path":"\/nar\//, 30);
    expect(logged.filter((line) => /limit-exceeded/.test(line)).length).toBe(2);
  });
});

describe('requests whose heads never end', () => {
  it('are refused at their bound, a hundred at a time, in memory that stays flat', async () => {
    const port = await freePort();
    await using daemon = await start(port);
    const heads = [
      'GET / HTTP/1.1\r\n',
      `PUT /${'a'.repeat(100)} HTTP/1.1\r\n`,
    ];
    const flood = async (i: number): Promise<string> => {
      const socket = connect(port, '127.0.0.1');
      // It may be gone before all of it was sent.
      socket.on('error', () => undefined);
      socket.write(heads[i % 2]!);
      const lines = `X-${i}: ${'y'.repeat(1000)}\r\n`.repeat(1000);
      socket.write(lines);
      let answer = '';
      socket
        .setEncoding('latin1')
        .on('data', (text) => (answer += String(text)));
      await new Promise((resolve) => socket.once('close', resolve));
      return answer.slice(0, 12);
    };
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, i) => flood(i)),
    );
    // Where the connection was cut with bytes on their way, the answer may be lost.
    const said = new Set(answers.filter((answer) => answer !== ''));
    expect(said).toStrictEqual(new Set(['HTTP/1.1 431']));
    expect((await fetch(`http://127.0.0.1:${port}/health`)).status).toBe(200);
    expect(await daemon.peakMiB()).toBeLessThan(300);
    expect((await daemon.logged(/limit-exceeded/, 100)).length).toBe(100);
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
      // The first upload opens what stays open.
      const first = pathToUpload(50_000, 100_000);
      expect(await put(port, first.narPath, first.nar)).toBe(200);
      const before = daemon.openFiles().length;
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
      await closeIdleConnections(port);
      expect(daemon.openFiles().length).toBeLessThanOrEqual(before + 10);
      expectNothingTemporary(daemon, disk);
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

/** What fetch keeps open for later is no leak. */
async function closeIdleConnections(port: number): Promise<void> {
  await fetch(`http://127.0.0.1:${port}/health`, {
    headers: { Connection: 'close' },
  });
}

/** Nothing but what a store consists of is in its folder, and no file is open that has no name. */
function expectNothingTemporary(daemon: Daemon, folder: string): void {
  expect(
    daemon.openFiles().filter((file) => / \(deleted\)$/.test(file)),
  ).toStrictEqual([]);
  const names = readdirSync(folder).sort();
  expect(names).toStrictEqual(['FORMAT', 'LOCK', 'meta', 'packs', 'reserve']);
  const packs = readdirSync(join(folder, 'packs'), { recursive: true });
  expect(packs.filter((name) => !PACK.test(String(name)))).toStrictEqual([]);
}

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

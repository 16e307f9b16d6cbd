import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  readdirSync,
  readlinkSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Daemon } from '../support/daemon.ts';
import { describeWith } from '../support/machine.ts';
import { makeOldStore, writeTree } from '../support/old-store.ts';
import {
  line,
  output,
  PROGRAM,
  runProgram,
  tvixStore,
} from '../support/program.ts';
import { scratchFolder } from '../support/scratch.ts';

const MIB = 1024 * 1024;

let scratch: ReturnType<typeof scratchFolder>;
let socket: string;
let store: string;
let local: string;

beforeEach(() => {
  scratch = scratchFolder();
  useFolder(scratch.path);
});
afterEach(() => scratch.remove());

function useFolder(folder: string): void {
  socket = join(folder, 'socket');
  store = `grpc+unix://${socket}`;
  local = `local:${join(folder, 'store')}`;
}

/** The files below a folder of the store, and their bytes. */
function usage(folder: string): { files: number; bytes: number } {
  const at = join(local.slice('local:'.length), folder);
  const stats = readdirSync(at, { recursive: true })
    .map((name) => statSync(join(at, String(name))))
    .filter((stat) => stat.isFile());
  return {
    files: stats.length,
    bytes: stats.reduce((sum, { size }) => sum + size, 0),
  };
}

async function json(...args: string[]): Promise<Record<string, unknown>> {
  return JSON.parse(await line(tvixStore(['--json', ...args])));
}

async function expectSound(): Promise<void> {
  const { code, stdout, stderr } = await tvixStore([
    'verify',
    '--store',
    store,
  ]);
  expect([code, stdout.toString(), stderr]).toEqual([
    0,
    expect.any(String),
    '',
  ]);
}

describe('the care of a store beside those who use it', () => {
  it('collects while others put and read, and gives the space back', async () => {
    const old = await makeOldStore(scratch.path, {
      paths: 20,
      files: 4,
      fileBytes: MIB,
    });
    const [kept = ''] = old;
    await using daemon = await Daemon.start(['--store', local, '-l', socket]);
    await output(tvixStore(['pin', 'add', 'kept', kept, '--store', store]));
    const before = usage('packs').bytes;
    const args = ['gc', '--json', '--store', store, '--keep-newer-than', '24h'];
    let isCollecting = true;
    const collected = line(tvixStore(args)).finally(
      () => (isCollecting = false),
    );
    // In turns, until the collection is over: every put and every read has to succeed.
    const put: [tree: string, storePath: string][] = [];
    do {
      const seed = 1_000_000 + 10 * put.length;
      const tree = writeTree(
        join(scratch.path, `new-${put.length}`),
        seed,
        4,
        300_000,
      );
      put.push([
        tree,
        await line(tvixStore(['import', '--store', store, tree])),
      ]);
      const [exported] = [join(scratch.path, `out-${put.length}`)];
      await output(tvixStore(['export', '--store', store, kept, exported]));
      await output(
        runProgram('diff', ['-r', join(scratch.path, 'old-0'), exported]),
      );
    } while (isCollecting);
    expect(JSON.parse(await collected)).toMatchObject({
      paths: 19,
      missing: 0,
    });
    // Nineteen of twenty went; what was put meanwhile came.
    expect(usage('packs').bytes).toBeLessThan(
      before / 10 + put.length * 1.5 * MIB,
    );
    const deleted = readdirSync(`/proc/${daemon.child.pid}/fd`).filter((fd) =>
      runningLink(`/proc/${daemon.child.pid}/fd/${fd}`).endsWith(
        '.pack (deleted)',
      ),
    );
    expect(deleted).toEqual([]);
    for (const [tree, storePath] of put) {
      const exported = `${tree}-exported`;
      await output(
        tvixStore(['export', '--store', store, storePath, exported]),
      );
      await output(runProgram('diff', ['-r', tree, exported]));
    }
    await expectSound();
    expect(await daemon.stop()).toBe(0);
  });

  it('goes on with a collection that was interrupted', async () => {
    await makeOldStore(scratch.path, { paths: 20, files: 4, fileBytes: MIB });
    await using daemon = await Daemon.start(['--store', local, '-l', socket]);
    const args = ['gc', '--store', store, '--keep-newer-than', '24h'];
    const interrupted = spawn(process.execPath, [PROGRAM, ...args], {
      stdio: 'ignore',
    });
    const exited = once(interrupted, 'exit');
    // The paths go first: from then on it is at work.
    while ((await output(tvixStore(['list', '--store', store]))).length > 0);
    interrupted.kill('SIGINT');
    const [code] = (await exited) as [number | null];
    // It may just have been done, or so near its end that Node no longer listens to signals.
    expect([0, 1, null]).toContain(code);
    await expectSound();
    let { code: again, stderr } = await tvixStore(args);
    // The daemon may still be at the end of the one before.
    while (again !== 0 && stderr.includes('already'))
      ({ code: again, stderr } = await tvixStore(args));
    expect([again, stderr]).toEqual([0, '']);
    expect(usage('packs').bytes).toBeLessThan(MIB);
    await expectSound();
    expect(await daemon.stop()).toBe(0);
  });

  it('stops a verification with the daemon, and says so', async () => {
    await makeOldStore(scratch.path, { paths: 4, files: 8, fileBytes: MIB });
    await using daemon = await Daemon.start(['--store', local, '-l', socket]);
    const verifying = tvixStore(['verify', '--store', store]);
    expect(await daemon.stop()).toBe(0);
    const { code, stderr } = await verifying;
    // Where it was quicker than the signal, it found nothing.
    if (code !== 0) expect(stderr).toMatch(/server stops|UNAVAILABLE/);
  });

  it('counts within one per cent of a recount', async () => {
    const tree = join(scratch.path, 'tree');
    writeTree(tree, 1, 50, 20_000);
    const text = 'a line that compresses to nothing\n'.repeat(10_000);
    for (let copy = 0; copy < 10; copy += 1)
      writeFileSync(join(tree, `copy-${copy}`), text);
    await using daemon = await Daemon.start(['--store', local, '-l', socket]);
    await output(tvixStore(['import', '--store', store, tree]));
    const told = (await json('stats', '--store', store)) as unknown as Counted;
    // Files are smaller than a chunk: a blob each, those that are the same once.
    const distinct = 50 * 20_000 + text.length;
    const logical = 50 * 20_000 + 10 * text.length;
    near(told.chunks.objects, 51);
    near(told.chunks.rawBytes, distinct);
    near(told.logicalBytes, logical);
    near(told.savedByDeduplicationBytes, logical - distinct);
    near(told.pathInfos, 1);
    near(told.directories.objects, 1);
    near(told.packs.bytes, usage('packs').bytes);
    near(told.packs.liveBytes, usage('packs').bytes);
    near(told.savedByCompressionBytes, text.length);
    expect(told.quarantine).toEqual({ files: 0, bytes: 0 });
    near(told.reserveBytes, 64 * MIB);
    const { bavail, bsize } = statfsSync(scratch.path);
    near(told.freeBytes, bavail * bsize);
    expect(told.scrub.finished?.damages).toBe(0);
    // The same from beside the daemon.
    const beside = await json('stats', '--store', local);
    expect({ ...beside, freeBytes: 0 }).toEqual({ ...told, freeBytes: 0 });
    await output(tvixStore(['verify', '--store', store]));
    const after = (await json('stats', '--store', store)) as unknown as Counted;
    expect(after.scrub.finished!.finishedMs).toBeGreaterThan(
      told.scrub.finished!.finishedMs,
    );
    expect(await daemon.stop()).toBe(0);
  });

  it('finds damage in the background, and remembers it over a restart', async () => {
    await makeOldStore(scratch.path, {
      paths: 1,
      files: 4,
      fileBytes: 100_000,
    });
    const packs = join(local.slice('local:'.length), 'packs');
    const [pack = ''] = readdirSync(packs, { recursive: true })
      .map(String)
      .filter((name) => name.endsWith('.pack'));
    await output(
      runProgram('dd', [
        'if=/dev/zero',
        `of=${join(packs, pack)}`,
        'bs=1',
        'seek=200000',
        'count=10',
        'conv=notrunc',
      ]),
    );
    {
      await using daemon = await Daemon.start(['--store', local, '-l', socket]);
      await logged(daemon, 'scrub finished');
      expect(
        daemon.log.filter((text) => text.includes('damage found')),
      ).toHaveLength(1);
      expect(await daemon.stop()).toBe(0);
    }
    await using daemon = await Daemon.start(['--store', local, '-l', socket]);
    const told = (await json('stats', '--store', store)) as unknown as Counted;
    expect(told.scrub).toEqual({
      finished: { finishedMs: expect.any(Number), damages: 1 },
    });
    expect(await daemon.stop()).toBe(0);
  });
});

describeWith(['root'], 'a daemon whose disk is full', () => {
  let disk: string;

  beforeEach(async () => {
    disk = join(scratch.path, 'disk');
    await output(runProgram('mkdir', [disk]));
    await output(
      runProgram('mount', ['-t', 'tmpfs', '-o', 'size=200m', 'tmpfs', disk]),
    );
    useFolder(disk);
  });
  afterEach(async () => {
    await output(runProgram('umount', [disk]));
  });

  it('refuses what it has no room for, reads on, deletes and collects, and writes again', async () => {
    const [old = ''] = await makeOldStore(disk, {
      paths: 1,
      files: 64,
      fileBytes: MIB,
    });
    await output(runProgram('rm', ['-r', join(disk, 'old-0')]));
    await using daemon = await Daemon.start(['--store', local, '-l', socket]);
    const imported: string[] = [];
    let refused = '';
    for (let next = 0; refused === ''; next += 1) {
      const tree = writeTree(
        join(scratch.path, `new-${next}`),
        1_000_000 + 100 * next,
        8,
        MIB,
      );
      const { code, stdout, stderr } = await tvixStore([
        'import',
        '--store',
        store,
        tree,
      ]);
      if (code === 0) imported.push(stdout.toString().trimEnd());
      else refused = stderr;
    }
    expect(refused).toContain('RESOURCE_EXHAUSTED');
    expect(imported.length).toBeGreaterThan(0);
    // What is read counts as used: not what is to go.
    for (const path of imported)
      await output(tvixStore(['cat', '--store', store, `${path}/file-3`]));
    expect(await line(tvixStore(['delete', '--store', store, old]))).toBe(old);
    const told = await json('gc', '--store', store);
    expect(told).toMatchObject({ missing: 0, paths: 0 });
    const { packs } = told as { packs: { freedBytes: number } };
    expect(packs.freedBytes).toBeGreaterThan(60 * MIB);
    // The very process that refused takes it now.
    const tree = join(scratch.path, `new-${imported.length}`);
    const path = await line(tvixStore(['import', '--store', store, tree]));
    const exported = join(scratch.path, 'exported');
    await output(tvixStore(['export', '--store', store, path, exported]));
    await output(runProgram('diff', ['-r', tree, exported]));
    const { reserveBytes } = await json('stats', '--store', store);
    near(reserveBytes as number, 64 * MIB);
    await expectSound();
    expect(await daemon.stop()).toBe(0);
  }, 240_000);
});

/** What `stats --json` prints. */
interface Counted {
  readonly pathInfos: number;
  readonly logicalBytes: number;
  readonly savedByDeduplicationBytes: number;
  readonly savedByCompressionBytes: number;
  readonly chunks: { objects: number; rawBytes: number; storedBytes: number };
  readonly directories: { objects: number };
  readonly packs: { bytes: number; liveBytes: number };
  readonly indexBytes: number;
  readonly scrub: { finished?: { finishedMs: number; damages: number } };
  readonly quarantine: { files: number; bytes: number };
  readonly reserveBytes: number;
  readonly freeBytes: number;
}

function near(told: number, counted: number): void {
  expect(Math.abs(told - counted)).toBeLessThanOrEqual(counted / 100);
}

function runningLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/** Resolves once the daemon has logged a message. */
async function logged(daemon: Daemon, message: string): Promise<void> {
  while (!daemon.log.some((text) => text.includes(message)))
    await once(daemon.child.stderr!, 'data');
}

import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import {
  afterEach,
  beforeEach,
  describe,
  expect,
  it,
  jest,
} from '@jest/globals';
import { DiskRecorder } from '../../src/tree/disk-record.ts';
import type { DiskRecord } from '../../src/tree/disk-record.ts';
import { treeFromDiskSync } from '../../src/tree/from-disk.ts';
import { isDiskUnchanged } from '../../src/tree/is-disk-unchanged.ts';
import type { FileIdentity } from '../../src/tree/known-files.ts';
import { useTemporaryDirectory } from './temporary-directory.ts';

const temporary = useTemporaryDirectory();
const at = (...names: string[]): string => join(temporary(), 'tree', ...names);

beforeEach(() => {
  mkdirSync(at('below', 'deep'), { recursive: true });
  mkdirSync(at('empty'));
  writeFileSync(at('a'), 'first');
  writeFileSync(at('below', 'deep', 'b'), 'second');
  writeFileSync(at('z'), 'last');
  writeFileSync(Buffer.concat([Buffer.from(`${at()}/`), NOT_UTF8]), 'bytes');
  symlinkSync('a', at('below', 'link'));
  // What was written just now counts as settled after a while.
  const now = Date.now() + 60_000;
  jest.spyOn(Date, 'now').mockReturnValue(now);
});
afterEach(() => void jest.restoreAllMocks());

const NOT_UTF8 = Buffer.from([0x6e, 0xff, 0xfe, 0x80]);

function recordOf(path: string): DiskRecord | undefined {
  const witness = new DiskRecorder();
  for (const batch of treeFromDiskSync(path, { witness })) void batch;
  return witness.finish();
}

describe('isDiskUnchanged', () => {
  it('is true for a tree that nobody touched, wherever it was moved', async () => {
    const record = recordOf(at())!;
    expect(await isDiskUnchanged(at(), record)).toBe(true);
    renameSync(at(), join(temporary(), 'moved'));
    // The move itself is a change of the directory, on some file systems.
    const moved = recordOf(join(temporary(), 'moved'))!;
    expect(await isDiskUnchanged(join(temporary(), 'moved'), moved)).toBe(true);
  });

  it.each<[string, () => void]>([
    ['a file that grew', () => appendFileSync(at('a'), 'more')],
    [
      'a file of the old size and time',
      () => {
        const { atime, mtime } = statSync(at('a'));
        writeFileSync(at('a'), 'fir5t');
        utimesSync(at('a'), atime, mtime);
      },
    ],
    ['a file that can be executed now', () => chmodSync(at('z'), 0o755)],
    [
      'a file whose name is no UTF-8',
      () =>
        appendFileSync(
          Buffer.concat([Buffer.from(`${at()}/`), NOT_UTF8]),
          'more',
        ),
    ],
    ['a file deep below', () => appendFileSync(at('below/deep/b'), 'more')],
    ['a new file', () => writeFileSync(at('below', 'deep', 'new'), '')],
    [
      'a file in a directory that was empty',
      () => writeFileSync(at('empty/x'), ''),
    ],
    ['a file that is gone', () => rmSync(at('below', 'deep', 'b'))],
    [
      'a directory that is gone',
      () => rmSync(at('empty'), { recursive: true }),
    ],
    ['a file with another name', () => renameSync(at('z'), at('y'))],
    [
      'files that changed places',
      () => {
        renameSync(at('z'), at('y'));
        renameSync(at('a'), at('z'));
        renameSync(at('y'), at('a'));
      },
    ],
    [
      'a link that leads elsewhere',
      () => {
        rmSync(at('below', 'link'));
        symlinkSync('z', at('below', 'link'));
      },
    ],
    [
      'a directory in the place of a file',
      () => {
        rmSync(at('a'));
        mkdirSync(at('a'));
      },
    ],
    [
      'a link in the place of a directory',
      () => {
        renameSync(at('below'), join(temporary(), 'elsewhere'));
        symlinkSync(join(temporary(), 'elsewhere'), at('below'));
      },
    ],
    ['a tree that is gone', () => rmSync(at(), { recursive: true })],
  ])('sees %s', async (_, change) => {
    const record = recordOf(at())!;
    change();
    expect(await isDiskUnchanged(at(), record)).toBe(false);
  });

  it('sees another tree of the same shape', async () => {
    const record = recordOf(at('below'))!;
    mkdirSync(at('other', 'deep'), { recursive: true });
    writeFileSync(at('other', 'deep', 'b'), 'second');
    expect(await isDiskUnchanged(at('other'), record)).toBe(false);
  });

  it('takes paths that are longer than the system takes for changed', async () => {
    const name = 'n'.repeat(250);
    let path = at('long');
    mkdirSync(path);
    for (let i = 0; i < 12; i++) mkdirSync((path = join(path, name)));
    const record = recordOf(at('long'))!;
    expect(await isDiskUnchanged(at('long'), record)).toBe(true);
    const deeper = at(...Array.from({ length: 5 }, () => name));
    mkdirSync(deeper, { recursive: true });
    renameSync(at('long'), join(deeper, 'long'));
    expect(await isDiskUnchanged(at(), recordOf(at())!)).toBe(false);
  });

  it('stops when it is told to', async () => {
    const record = recordOf(at())!;
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(isDiskUnchanged(at(), record, { signal })).rejects.toThrow(
      'enough',
    );
  });
});

describe('the record of a tree', () => {
  it('is not made of what was changed a moment ago', () => {
    jest.restoreAllMocks();
    expect(recordOf(at())).toBeUndefined();
  });

  it('is not made of a file or a link', () => {
    expect(recordOf(at('a'))).toBeUndefined();
    expect(recordOf(at('below', 'link'))).toBeUndefined();
  });

  it('is not made of a tree on two devices', () => {
    const found: FileIdentity = {
      dev: 1,
      ino: 2,
      size: 3,
      mtimeMs: 4,
      ctimeMs: 5,
    };
    const recorder = new DiskRecorder();
    recorder.directory(Buffer.from('root'), found);
    recorder.file(Buffer.from('a'), found);
    expect(recorder.finish()).toBeDefined();
    recorder.file(Buffer.from('b'), { ...found, dev: 6 });
    expect(recorder.finish()).toBeUndefined();
  });

  it('grows with the tree', () => {
    const found = { dev: 1, ino: 2, size: 3, mtimeMs: 4, ctimeMs: 5 };
    const recorder = new DiskRecorder();
    recorder.directory(Buffer.from('root'), found);
    const name = Buffer.alloc(255, 'n');
    for (let i = 0; i < 5000; i++) recorder.file(name, { ...found, ino: i });
    recorder.end();
    const { numbers, ways } = recorder.finish()!;
    expect(numbers.length).toBe(4 * 5001);
    expect(numbers[4 * 5000]).toBe(4999);
    expect(ways.length).toBe(2 + 257 * 5000 + 1);
    expect(ways.at(-1)).toBe(0);
  });
});

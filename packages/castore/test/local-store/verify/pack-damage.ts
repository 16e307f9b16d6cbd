import fs from 'node:fs';
import path from 'node:path';
import { nodeFileSystem } from '../../../src/local-store/file-system.ts';
import { packTag } from '../../../src/local-store/packs/pack-header.ts';
import { scanPack } from '../../../src/local-store/packs/pack-scan.ts';
import { recordSpan } from '../../../src/local-store/packs/record.ts';

export type PackDamage = 'flip' | 'zero' | 'cut' | 'swap';

/** Damages one of the packs below a directory, as the numbers from 0 to 1 say. */
export function damagePack(
  directory: string,
  damage: PackDamage,
  random: () => number,
): void {
  const packs = packFiles(directory);
  const file = packs[Math.floor(random() * packs.length)]!;
  const bytes = fs.readFileSync(file);
  const records = recordsOf(file, bytes.length);
  const pick = (): { offset: number; length: number } =>
    records[Math.floor(random() * records.length)]!;
  switch (damage) {
    case 'flip': {
      const { offset, length } = pick();
      const at = offset + Math.floor(random() * length);
      bytes[at]! ^= 1 << Math.floor(random() * 8);
      break;
    }
    case 'zero': {
      const { offset } = pick();
      const start = offset - (offset % 4096);
      bytes.fill(0, start, Math.min(bytes.length, start + 4096));
      break;
    }
    case 'cut':
      fs.truncateSync(file, Math.floor(random() * (bytes.length - 100)));
      return;
    case 'swap': {
      // Whole records of one length change their places, or the starts of two that have not.
      const [a, b] = [pick(), pick()];
      const length = Math.min(
        recordSpan(a.length - 64),
        recordSpan(b.length - 64),
      );
      const first = Buffer.from(bytes.subarray(a.offset, a.offset + length));
      bytes.copyWithin(a.offset, b.offset, b.offset + length);
      first.copy(bytes, b.offset);
    }
  }
  fs.writeFileSync(file, bytes);
}

export function packFiles(directory: string): string[] {
  return fs
    .readdirSync(path.join(directory, 'packs'), { recursive: true })
    .map((name) => path.join(directory, 'packs', String(name)))
    .filter((name) => name.endsWith('.pack'))
    .sort();
}

/** Headers and payloads; what pads them means nothing. */
function recordsOf(
  file: string,
  length: number,
): { offset: number; length: number }[] {
  const id = Buffer.from(path.basename(file, '.pack'), 'hex');
  const fd = fs.openSync(file, 'r');
  try {
    const { parts } = scanPack(nodeFileSystem, fd, length, packTag(id));
    return [...parts()]
      .flatMap((part) => [...part])
      .map(({ offset, storedLength }) => ({
        offset,
        length: 64 + storedLength,
      }));
  } finally {
    fs.closeSync(fd);
  }
}

import type { StoreStats } from '@tvix/store';
import type { Command } from '../command.ts';
import { formatBytes } from '../format-bytes.ts';
import { withCareToRead } from '../with-care.ts';

/** Prints what a store holds and what that takes. */
export const stats: Command = async (context) => {
  const { output, json } = context;
  await withCareToRead(context, async (care, signal) => {
    const counted = await care.stats({ signal });
    if (json) return output.json(counted);
    for (const [name, value] of rows(counted))
      await output.line(`${name.padEnd(16)} ${value}`);
  });
};

function rows(stats: StoreStats): [name: string, value: string][] {
  const { chunks, recipes, directories, packs, quarantine } = stats;
  const verified = packs.verifiedSinceMs;
  return [
    ['store paths', `${stats.pathInfos}`],
    ['files', formatBytes(stats.logicalBytes)],
    ['chunks', countOf(chunks)],
    ['recipes', countOf(recipes)],
    ['directories', countOf(directories)],
    ...Object.entries(stats.tables).map(([name, count]): [string, string] => [
      name,
      countOf(count),
    ]),
    ['deduplication', `saved ${formatBytes(stats.savedByDeduplicationBytes)}`],
    ['compression', `saved ${formatBytes(stats.savedByCompressionBytes)}`],
    [
      'packs',
      `${packs.count}, ${formatBytes(packs.bytes)}, ${share(packs)} live, ${packs.sparse} less than half`,
    ],
    ['damaged packs', `${packs.damaged}`],
    [
      'verified',
      verified === undefined ? 'never' : new Date(verified).toISOString(),
    ],
    ...scrubRows(stats),
    ['index', formatBytes(stats.indexBytes)],
    ['quarantine', `${quarantine.files}, ${formatBytes(quarantine.bytes)}`],
    ['reserve', formatBytes(stats.reserveBytes)],
    ['free', formatBytes(stats.freeBytes)],
  ];
}

function scrubRows({ scrub, packs }: StoreStats): [string, string][] {
  const { pass, finished } = scrub;
  const last =
    finished === undefined
      ? 'never'
      : `${new Date(finished.finishedMs).toISOString()}, ${finished.damages} damages`;
  if (pass === undefined) return [['last scrub', last]];
  const part = share({ bytes: packs.bytes, liveBytes: pass.bytes });
  const since = new Date(pass.startedMs).toISOString();
  const under = `since ${since}, ${part} of the packs, ${pass.damages} damages`;
  return [
    ['last scrub', last],
    ['this scrub', under],
  ];
}

function countOf(count: StoreStats['chunks']): string {
  const { objects, rawBytes, storedBytes } = count;
  return `${objects}, ${formatBytes(rawBytes)} stored in ${formatBytes(storedBytes)}`;
}

function share({
  bytes,
  liveBytes,
}: Pick<StoreStats['packs'], 'bytes' | 'liveBytes'>): string {
  return bytes === 0 ? '100 %' : `${Math.round((100 * liveBytes) / bytes)} %`;
}

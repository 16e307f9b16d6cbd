import type { RecordCount, ScrubStats } from '@tvix/castore';
import type { StoreStats } from '../local-care/stats.ts';
import type { StatsResponse } from '../proto/index.ts';

type Count = StatsResponse['chunks'];

/** What a store holds, as a message. */
export function statsToMessage(stats: StoreStats): StatsResponse {
  const { packs, scrub, quarantine } = stats;
  return {
    pathInfos: BigInt(stats.pathInfos),
    logicalBytes: BigInt(stats.logicalBytes),
    savedByDeduplicationBytes: BigInt(stats.savedByDeduplicationBytes),
    savedByCompressionBytes: BigInt(stats.savedByCompressionBytes),
    chunks: countToMessage(stats.chunks),
    recipes: countToMessage(stats.recipes),
    directories: countToMessage(stats.directories),
    tables: Object.entries(stats.tables).map(([name, count]) => ({
      name,
      count: countToMessage(count),
    })),
    packs: {
      count: BigInt(packs.count),
      bytes: BigInt(packs.bytes),
      liveBytes: BigInt(packs.liveBytes),
      sparse: BigInt(packs.sparse),
      damaged: BigInt(packs.damaged),
      verifiedSinceMs: BigInt(packs.verifiedSinceMs ?? 0),
    },
    indexBytes: BigInt(stats.indexBytes),
    scrub: scrubToMessage(scrub),
    quarantine: {
      files: BigInt(quarantine.files),
      bytes: BigInt(quarantine.bytes),
    },
    reserveBytes: BigInt(stats.reserveBytes),
    freeBytes: BigInt(stats.freeBytes),
  };
}

/** The message as what it says; what isn't set counts as nothing. */
export function statsFromMessage(message: StatsResponse): StoreStats {
  const { packs, quarantine } = message;
  const verifiedSinceMs = Number(packs?.verifiedSinceMs ?? 0);
  return {
    chunks: countFromMessage(message.chunks),
    recipes: countFromMessage(message.recipes),
    directories: countFromMessage(message.directories),
    tables: Object.fromEntries(
      message.tables.map(({ name, count }) => [name, countFromMessage(count)]),
    ),
    savedByCompressionBytes: Number(message.savedByCompressionBytes),
    packs: {
      count: Number(packs?.count ?? 0),
      bytes: Number(packs?.bytes ?? 0),
      liveBytes: Number(packs?.liveBytes ?? 0),
      sparse: Number(packs?.sparse ?? 0),
      damaged: Number(packs?.damaged ?? 0),
      verifiedSinceMs: verifiedSinceMs === 0 ? undefined : verifiedSinceMs,
    },
    indexBytes: Number(message.indexBytes),
    scrub: scrubFromMessage(message.scrub),
    quarantine: {
      files: Number(quarantine?.files ?? 0),
      bytes: Number(quarantine?.bytes ?? 0),
    },
    reserveBytes: Number(message.reserveBytes),
    freeBytes: Number(message.freeBytes),
    pathInfos: Number(message.pathInfos),
    logicalBytes: Number(message.logicalBytes),
    savedByDeduplicationBytes: Number(message.savedByDeduplicationBytes),
  };
}

function countToMessage({
  objects,
  rawBytes,
  storedBytes,
}: RecordCount): NonNullable<Count> {
  return {
    objects: BigInt(objects),
    rawBytes: BigInt(rawBytes),
    storedBytes: BigInt(storedBytes),
  };
}

function countFromMessage(count: Count): RecordCount {
  return {
    objects: Number(count?.objects ?? 0),
    rawBytes: Number(count?.rawBytes ?? 0),
    storedBytes: Number(count?.storedBytes ?? 0),
  };
}

function scrubToMessage({
  pass,
  finished,
}: ScrubStats): NonNullable<StatsResponse['scrub']> {
  return {
    pass: pass && {
      startedMs: BigInt(pass.startedMs),
      records: BigInt(pass.records),
      bytes: BigInt(pass.bytes),
      damages: BigInt(pass.damages),
    },
    finished: finished && {
      finishedMs: BigInt(finished.finishedMs),
      damages: BigInt(finished.damages),
    },
  };
}

function scrubFromMessage(message: StatsResponse['scrub']): ScrubStats {
  const { pass, finished } = message ?? {};
  return {
    ...(pass && {
      pass: {
        startedMs: Number(pass.startedMs),
        records: Number(pass.records),
        bytes: Number(pass.bytes),
        damages: Number(pass.damages),
      },
    }),
    ...(finished && {
      finished: {
        finishedMs: Number(finished.finishedMs),
        damages: Number(finished.damages),
      },
    }),
  };
}

import { crc32 } from 'node:zlib';
import {
  IndexSpace,
  type IndexWrite,
  type StoreIndex,
} from '../index/store-index.ts';

/** A pass over all records that isn't over. Times are milliseconds since 1970. */
export interface ScrubPass {
  readonly startedMs: number;
  /** The index key of the last record that was looked at, in hexadecimal; empty before the first. */
  readonly after: string;
  readonly records: number;
  /** Of packs. */
  readonly bytes: number;
  readonly damages: number;
  /** The numbers of packs with damage. */
  readonly damagedPacks: readonly number[];
}

/** What is remembered of looking for damage, across restarts. */
export interface ScrubState {
  /** The pass that is under way, or was when the store was closed. */
  readonly pass?: ScrubPass;
  /** When everything was last looked at, by a pass or by a verification. */
  readonly finishedMs?: number;
  /** What was found then. */
  readonly foundDamages?: number;
}

const KEY = Buffer.of(IndexSpace.scrub);
const CRC_BYTES = 4;

/** What the index remembers; nothing where that is damaged: then the next pass starts over. */
export function readScrubState(index: Pick<StoreIndex, 'get'>): ScrubState {
  const value = index.get(KEY);
  if (value === undefined || value.length < CRC_BYTES) return {};
  const text = value.subarray(CRC_BYTES);
  if (value.readUInt32LE(0) !== crc32(text)) return {};
  return JSON.parse(text.toString()) as ScrubState;
}

/** The write that makes the index remember it: a CRC-32, and JSON. */
export function writeScrubState(state: ScrubState): IndexWrite {
  const text = Buffer.from(JSON.stringify(state));
  const value = Buffer.alloc(CRC_BYTES + text.length);
  value.writeUInt32LE(crc32(text), 0);
  value.set(text, CRC_BYTES);
  return { key: KEY, value };
}

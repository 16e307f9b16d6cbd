import fs from 'node:fs';
import { yieldToLoop } from '../../blob-service/time-slice.ts';
import { compareBytes } from '../../digest/bytes.ts';
import { currentPacks } from '../packs/current-packs.ts';
import { readFully } from '../file-system.ts';
import type { LocalStore } from '../local-store.ts';
import { decodePackHeader, PACK_HEADER_BYTES } from '../packs/pack-header.ts';
import { listPack } from '../packs/pack-scan.ts';
import type { Pack } from '../packs/packs.ts';
import { errnoOf } from '../store-failure.ts';
import type { Damage } from './damage.ts';

/** Looks at every pack as a whole: that it is there, and says what it is and what it holds. */
export async function verifyPacks(
  store: LocalStore,
  report: (damage: Damage) => void,
  signal: AbortSignal | undefined,
): Promise<{ readonly records: number }> {
  let records = 0;
  for (const pack of currentPacks(store).all()) {
    if (pack.retirement !== undefined || pack.committedLength === 0) continue;
    await yieldToLoop();
    signal?.throwIfAborted();
    const found = inspectTwice(store, pack);
    records += found.records;
    // A collection may have taken it out of service meanwhile.
    if (found.damage === undefined || !currentPacks(store).get(pack.number))
      continue;
    report({
      what: 'pack',
      digest: undefined,
      pack: pack.number,
      ...found.damage,
    });
  }
  return { records };
}

interface Inspected {
  readonly records: number;
  readonly damage: Pick<Damage, 'fault' | 'message'> | undefined;
}

function inspectTwice(store: LocalStore, pack: Pack): Inspected {
  const first = inspect(store, pack);
  return first.damage === undefined ? first : inspect(store, pack);
}

function inspect(store: LocalStore, pack: Pack): Inspected {
  const { files } = store.interior;
  let fd: number;
  try {
    fd = files.openSync(pack.file, 'r');
  } catch (error) {
    const fault = errnoOf(error) === 'ENOENT' ? 'missing' : 'unreadable';
    return none(fault, `${pack.file} can't be opened`);
  }
  try {
    const { committedLength: length } = pack;
    if (fs.fstatSync(fd).size < length)
      return none('missing', `${pack.file} is cut off`);
    const head = Buffer.alloc(PACK_HEADER_BYTES);
    readFully(files, fd, head, 0);
    const header = decodePackHeader(head);
    const {
      entryCount: records,
      isSealed,
      gaps,
    } = listPack(files, fd, length, pack.tag);
    const damaged = (message: string): Inspected => ({
      records,
      damage: { fault: 'wrong', message: `${pack.file}: ${message}` },
    });
    if (
      header === undefined ||
      compareBytes(header.id, pack.id) !== 0 ||
      Buffer.from(header.storeId).toString('hex') !== store.format.storeId
    )
      return damaged('its header is damaged');
    if (pack.isSealed && !isSealed) return damaged('its footer is damaged');
    if (gaps.length > 0)
      return damaged(`no records stand from ${gaps[0]!.start} on`);
    return { records, damage: undefined };
  } catch (error) {
    return none('unreadable', `${pack.file}: ${errnoOf(error) ?? 'failed'}`);
  } finally {
    files.closeSync(fd);
  }
}

function none(fault: Damage['fault'], message: string): Inspected {
  return { records: 0, damage: { fault, message } };
}

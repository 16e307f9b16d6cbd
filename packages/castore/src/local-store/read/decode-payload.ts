import type { Zstd } from '../compression/zstd.ts';
import type { StoredRecord } from '../packs/stored-record.ts';
import { payloadBuffer } from '../packs/payload-buffer.ts';
import { Codec } from '../packs/record.ts';

/** The raw payload of a record whose checksum held; `undefined` where it doesn't decode to what its header says. */
export function decodePayload(
  zstd: Zstd,
  record: StoredRecord,
): Uint8Array | undefined {
  const { header, payload } = record;
  if (header.codec === Codec.raw)
    return payload.length === header.rawLength ? payload : undefined;
  const raw = payloadBuffer(header.rawLength);
  return decodePayloadInto(zstd, record, raw) ? raw : undefined;
}

/** Fills `into` with the raw payload of such a record; false where it isn't just as long. */
export function decodePayloadInto(
  zstd: Zstd,
  { header, payload }: StoredRecord,
  into: Uint8Array,
): boolean {
  if (header.codec === Codec.raw) {
    if (payload.length !== into.length) return false;
    into.set(payload);
    return true;
  }
  try {
    zstd.decompress(payload, into);
    return true;
  } catch {
    return false;
  }
}

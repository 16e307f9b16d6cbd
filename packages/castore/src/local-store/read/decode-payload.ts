import type { Zstd } from '../compression/zstd.ts';
import type { StoredRecord } from '../packs/pack-reader.ts';
import { payloadBuffer } from '../packs/payload-buffer.ts';
import { Codec } from '../packs/record.ts';

/** The raw payload of a record whose checksum held; `undefined` where it doesn't decode to what its header says. */
export function decodePayload(
  zstd: Zstd,
  { header, payload }: StoredRecord,
): Uint8Array | undefined {
  if (header.codec === Codec.raw)
    return payload.length === header.rawLength ? payload : undefined;
  try {
    const raw = payloadBuffer(header.rawLength);
    zstd.decompress(payload, raw);
    return raw;
  } catch {
    return undefined;
  }
}

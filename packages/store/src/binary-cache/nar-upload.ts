import { compareBytes } from '@tvix/castore';
import type { CallOptions } from '@tvix/castore';
import { encodeNixBase32 } from '@tvix/nar';
import { StoreError } from '../errors.ts';
import { ingestArchive } from '../nar/ingest.ts';
import { isTreeStored } from '../nar/is-tree-stored.ts';
import type { CacheContext } from './context.ts';
import type { NarName } from './nar-name.ts';
import { textReply } from './reply.ts';
import type { Upload } from './resource.ts';
import type { UploadStorage } from './upload-storage.ts';
import { getUploadedNar, putUploadedNar } from './uploaded-nar.ts';
import type { UploadedNar } from './uploaded-nar.ts';

const DEFAULT_MAX_NAR_BYTES = 64 * 1024 ** 3;
const DEFAULT_MAX_RATIO = 2000;

/**
 * A NAR that a client uploads before it says, with a narinfo, what path it is of. It goes into castore while it comes in
 * and isn't kept as a file. Nobody can see it before the narinfo; a file that is here already isn't sent again.
 */
export function narUpload(
  context: CacheContext,
  name: Extract<NarName, { type: 'file' }>,
): Upload {
  const { options } = context;
  const maxBytes = options.limits?.maxNarBytes ?? DEFAULT_MAX_NAR_BYTES;
  const maxRatio = options.limits?.maxRatio ?? DEFAULT_MAX_RATIO;
  return {
    maxBytes,

    async admit({ signal }) {
      const known = await getUploadedNar(context, name.fileSha256);
      const isHere =
        known !== undefined &&
        (await isTreeStored(known.node, context, { signal }));
      return isHere ? textReply(200, 'is here already') : undefined;
    },

    async take({ signal }, body) {
      const storage = context.openUpload?.() ?? servicesOf(context);
      try {
        const nars = await ingest(body, storage, { signal });
        const { pathInfos } = storage;
        // The narinfo makes the path exist: it waits for this.
        const stored = storage.finish();
        for (const [fileSha256, nar] of nars)
          context.arriving.add(fileSha256, { nar, pathInfos, stored });
        const [, { narSha256 }] = nars[0];
        return textReply(200, `sha256:${encodeNixBase32(narSha256)}`);
      } catch (error) {
        // What was put has no name; the failure is told already.
        storage.finish().catch(() => {});
        throw error;
      }
    },
  };

  /** Answers with the files that were uploaded, by their hashes. */
  async function ingest(
    body: AsyncIterable<Uint8Array>,
    storage: UploadStorage,
    callOptions: CallOptions,
  ): Promise<[UploadedFile, ...UploadedFile[]]> {
    const unpacking = context.unpacker.unpack(body, {
      compression: name.compression,
      limits: { maxBytes, maxRatio },
    });
    const node = await ingestArchive(unpacking.nar, storage, callOptions);
    const unpacked = unpacking.outcome();
    const { compression, fileSize, fileSha256, narSha256, narSize } = unpacked;
    assertFileHash(name.fileSha256, fileSha256);
    const ingested = { node, narSha256, narSize };
    const files: [UploadedFile, ...UploadedFile[]] = [
      [name.fileSha256, { ...ingested, compression, fileSize }],
    ];
    // What debug information says of a compressed file is told of the NAR itself.
    if (compression !== 'none') {
      const plain = { compression: 'none', fileSize: Number(narSize) } as const;
      files.push([narSha256, { ...ingested, ...plain }]);
    }
    // Both share one sync.
    await Promise.all(
      files.map(([hash, nar]) => putUploadedNar(storage.nars, hash, nar)),
    );
    return files;
  }
}

type UploadedFile = readonly [fileSha256: Uint8Array, nar: UploadedNar];

/** Services that answer when each thing is durable: nothing is left to wait for at the end. */
function servicesOf({
  blobs,
  directories,
  pathInfos,
  tables: { nars },
}: CacheContext): UploadStorage {
  return { blobs, directories, pathInfos, nars, finish: async () => {} };
}

function assertFileHash(expected: Uint8Array, found: Uint8Array): void {
  if (compareBytes(expected, found) === 0) return;
  throw new StoreError(
    'store/hash-mismatch',
    `the file is named after ${encodeNixBase32(expected)}, but its SHA-256 is ${encodeNixBase32(found)}`,
    { details: { expected, found } },
  );
}

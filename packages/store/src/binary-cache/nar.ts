import { encodeNixBase32 } from '@tvix/nar';
import type { RenderOptions } from '../nar/render-source.ts';
import { renderNarFrom } from '../nar/seekable.ts';
import { requestedRange } from './byte-range.ts';
import type { ByteSpan } from './byte-range.ts';
import { acceptedEncoding, encode } from '../compression/encode.ts';
import type { ContentCoding } from '../compression/encode.ts';
import { repack } from '../compression/repack.ts';
import type { CacheContext } from './context.ts';
import { matchesEntityTag } from './entity-tag.ts';
import { parseNarName } from './nar-name.ts';
import { narUpload } from './nar-upload.ts';
import { IMMUTABLE, notFound, textReply } from './reply.ts';
import type { Reply } from './reply.ts';
import type { CacheRequest, Resource } from './resource.ts';
import {
  findNar,
  findNarUpstream,
  narOfPath,
  wrongNarSize,
} from './served-nar.ts';
import type { AnnouncedNar, PathNarName, ServedNar } from './served-nar.ts';

/** A larger NAR is sent as it is: what was compressed on the way starts anew where it breaks off. */
const MAX_ENCODED_BYTES = 256 * 1024 * 1024;

/**
 * `nar/…`: a NAR, rendered while it is sent. A range starts at its offset. A client that says so gets it compressed,
 * but not where it asks for a range: what was compressed on the way can't be resumed.
 */
export function nar(
  context: CacheContext,
  segments: readonly string[],
  query: URLSearchParams,
): Resource | undefined {
  const name = parseNarName(segments, query);
  if (name === undefined) return undefined;
  return {
    async get(request) {
      const found = await findNar(name, context, request);
      if (found !== undefined) {
        return found.compression === 'none'
          ? narReply(storedNar(found, context), request, context)
          : repackedReply(found, context);
      }
      if (name.type !== 'path') return notFound('no such NAR');
      const upstream = await findNarUpstream(name, context, request);
      return upstream === undefined
        ? notFound('no such NAR')
        : narReply(arrivingNar(upstream, name, context), request, context);
    },
    ...(name.type === 'file' && { put: narUpload(context, name) }),
  };
}

/** A NAR that can be opened anywhere. */
interface NarSource extends AnnouncedNar {
  open(
    span: ByteSpan,
    options: RenderOptions,
  ): AsyncIterable<Uint8Array> | Promise<AsyncIterable<Uint8Array> | undefined>;
}

function storedNar(found: ServedNar, context: CacheContext): NarSource {
  const { node, narSha256, narSize } = found;
  return {
    narSha256,
    narSize,
    open({ start, end }, options) {
      const offset = BigInt(start);
      const { sizes } = context;
      const bytes = renderNarFrom(node, offset, context, sizes, options);
      return end === Number(narSize) ? bytes : firstBytes(bytes, end - start);
    },
  };
}

/** A NAR that is fetched once it is opened, and told while it comes in. */
function arrivingNar(
  { narSha256, narSize }: AnnouncedNar,
  name: PathNarName,
  context: CacheContext,
): NarSource {
  const { substituter } = context;
  return {
    narSha256,
    narSize,
    async open(span, options) {
      const opened = await substituter?.openNar(name.outputHash, span, options);
      if (opened?.type === 'arriving') return opened.bytes;
      const stored =
        opened && (await narOfPath(opened.pathInfo, name, context, options));
      return stored && storedNar(stored, context).open(span, options);
    },
  };
}

function narReply(
  nar: NarSource,
  { headers }: CacheRequest,
  { buffers }: CacheContext,
): Reply {
  const length = Number(nar.narSize);
  const coding =
    headers.range === undefined && length <= MAX_ENCODED_BYTES
      ? acceptedEncoding(headers['accept-encoding'])
      : undefined;
  const hash = encodeNixBase32(nar.narSha256);
  const tag = coding === undefined ? `"${hash}"` : `"${hash}-${coding}"`;
  const common = {
    ETag: tag,
    'Cache-Control': IMMUTABLE,
    Vary: 'Accept-Encoding',
  };
  if (matchesEntityTag(headers['if-none-match'], tag))
    return { status: 304, headers: common };
  const type = { ...common, 'Content-Type': 'application/x-nix-archive' };
  if (coding !== undefined) return encodedReply(nar, coding, type);

  const range = requestedRange(headers, tag, length);
  if (range === 'unsatisfiable') {
    return textReply(416, `the NAR has ${length} bytes`, {
      'Content-Range': `bytes */${length}`,
    });
  }
  const span = range ?? { start: 0, end: length };
  return {
    status: range === undefined ? 200 : 206,
    headers: {
      ...type,
      'Accept-Ranges': 'bytes',
      ...(range && {
        'Content-Range': `bytes ${span.start}-${span.end - 1}/${length}`,
      }),
    },
    stream: {
      length: span.end - span.start,
      open: (signal) => nar.open(span, { signal, buffers }),
      release: (piece) => buffers.give(piece),
    },
  };
}

function encodedReply(
  nar: NarSource,
  coding: ContentCoding,
  headers: Readonly<Record<string, string>>,
): Reply {
  const whole = { start: 0, end: Number(nar.narSize) };
  return {
    status: 200,
    headers: { ...headers, 'Content-Encoding': coding },
    stream: {
      async open(signal) {
        const bytes = await nar.open(whole, { signal });
        return bytes && encode(coding, exactly(bytes, nar.narSize));
      },
    },
  };
}

/** The file that a client uploaded and remembers, in its compression again; the bytes may be others. */
function repackedReply(
  { node, compression }: ServedNar,
  context: CacheContext,
): Reply {
  return {
    status: 200,
    headers: { 'Content-Type': 'application/x-nix-nar' },
    stream: {
      open: (signal) =>
        repack(
          compression,
          renderNarFrom(node, 0n, context, context.sizes, { signal }),
        ),
    },
  };
}

async function* firstBytes(
  bytes: AsyncIterable<Uint8Array>,
  count: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let left = count;
  for await (const piece of bytes) {
    yield piece.length <= left ? piece : piece.subarray(0, left);
    left -= piece.length;
    if (left <= 0) return;
  }
}

/**
 * A NAR of the size that was announced. What is sent as it is is counted there; encoded, a tree that is larger than its
 * path info says would be rendered for as long as somebody listens.
 */
async function* exactly(
  bytes: AsyncIterable<Uint8Array>,
  narSize: bigint,
): AsyncGenerator<Uint8Array, void, undefined> {
  let left = Number(narSize);
  for await (const piece of bytes) {
    left -= piece.length;
    if (left < 0) break;
    yield piece;
  }
  if (left !== 0) throw wrongNarSize(narSize);
}

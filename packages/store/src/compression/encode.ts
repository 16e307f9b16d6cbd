import { Readable, pipeline } from 'node:stream';
import { constants, createBrotliCompress, createGzip } from 'node:zlib';
import { zstd } from './zstd-encode.ts';

/** What a body may be encoded with on its way out. */
export type ContentCoding = 'zstd' | 'br' | 'gzip';

/** In the order that we like them: by speed. */
const CODINGS: readonly ContentCoding[] = ['zstd', 'gzip', 'br'];

/**
 * The encoding for a client with that `Accept-Encoding`; `undefined` for none. A weight of 0 refuses; other weights don't
 * count.
 */
export function acceptedEncoding(
  header: string | undefined,
): ContentCoding | undefined {
  if (header === undefined || header === '') return undefined;
  const accepted = new Set<string>();
  for (const part of header.toLowerCase().split(',')) {
    const [name = '', ...parameters] = part.split(';').map((s) => s.trim());
    if (!parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter)))
      accepted.add(name);
  }
  return CODINGS.find((coding) => accepted.has(coding));
}

/** Encodes a body while it is sent, quickly rather than well. */
export function encode(
  coding: ContentCoding,
  source: AsyncIterable<Uint8Array>,
): AsyncIterable<Uint8Array> {
  switch (coding) {
    case 'zstd':
      return zstd(source);
    case 'gzip':
      return through(source, createGzip({ level: 1, chunkSize: 65536 }));
    case 'br': {
      const params = { [constants.BROTLI_PARAM_QUALITY]: 1 };
      return through(source, createBrotliCompress({ params }));
    }
  }
}

async function* through(
  source: AsyncIterable<Uint8Array>,
  encoder: ReturnType<typeof createGzip | typeof createBrotliCompress>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const input = Readable.from(source, { objectMode: false });
  pipeline(input, encoder, () => {
    // A failure of the source reaches whoever reads from the encoder.
  });
  try {
    for await (const piece of encoder) yield piece as Uint8Array;
  } finally {
    encoder.destroy();
    input.destroy();
  }
}

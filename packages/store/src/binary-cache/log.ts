import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { StorePath } from '@tvix/nar';
import { decodeContent } from '../compression/decode-content.ts';
import { decompress } from '../compression/decompress.ts';
import type { CacheContext } from './context.ts';
import { readAll } from './read-all.ts';
import { notFound, TEXT, textReply } from './reply.ts';
import type { Resource } from './resource.ts';

const MAX_LOG_BYTES = 64 * 1024 * 1024;

const compress = promisify(gzip);

/** `log/<name>.drv`: the log of a build, as plain text. A later one takes the place of an earlier. */
export function log(
  { tables }: CacheContext,
  segments: readonly string[],
): Resource | undefined {
  const [name = ''] = segments;
  if (segments.length !== 1 || !isDerivation(name)) return undefined;
  const key = new TextEncoder().encode(name);
  return {
    async get() {
      const value = await tables.logs.get(key);
      if (value === undefined) return notFound('no log of that derivation');
      return {
        status: 200,
        headers: { 'Content-Type': TEXT },
        stream: { open: () => decompress('gzip', once(value)) },
      };
    },
    put: {
      maxBytes: MAX_LOG_BYTES,
      async take({ headers }, body) {
        const coding = headers['content-encoding'];
        const limits = { maxBytes: MAX_LOG_BYTES };
        const text = decodeContent(coding, body, limits);
        const bytes = await readAll(text, MAX_LOG_BYTES);
        await tables.logs.put(key, await compress(bytes));
        return textReply(200, 'stored');
      },
    },
  };
}

function isDerivation(name: string): boolean {
  if (!name.endsWith('.drv')) return false;
  try {
    return StorePath.parse(name).toString() === name;
  } catch {
    return false;
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

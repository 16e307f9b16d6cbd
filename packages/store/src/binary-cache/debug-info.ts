import { encodeNixBase32 } from '@tvix/nar';
import { StoreError } from '../errors.ts';
import type { CacheContext } from './context.ts';
import { parseNarName } from './nar-name.ts';
import { readAll } from './read-all.ts';
import { notFound, textReply } from './reply.ts';
import type { Resource } from './resource.ts';
import { getUploadedNar } from './uploaded-nar.ts';

const MAX_BYTES = 64 * 1024;
const NAME = /^[0-9a-f]{40}\.debug$/;

interface DebugInfo {
  readonly archive: string;
  readonly member: string;
}

/**
 * `debuginfo/<build id>.debug`: which file of which NAR has the debug information of a build id. It comes in before the
 * NAR does, and names it as the client compressed it; it goes out with the name of the plain NAR.
 */
export function debugInfo(
  context: CacheContext,
  segments: readonly string[],
): Resource | undefined {
  const { tables } = context;
  const [name = ''] = segments;
  if (segments.length !== 1 || !NAME.test(name)) return undefined;
  const key = new TextEncoder().encode(name);
  return {
    async get() {
      const value = await tables.debugInfo.get(key);
      if (value === undefined) return notFound('no such build id');
      const info = parse(value);
      const file = narOf(info.archive);
      const nar =
        file?.type === 'file' &&
        (await getUploadedNar(context, file.fileSha256));
      const archive = nar
        ? `../nar/${encodeNixBase32(nar.narSha256)}.nar`
        : info.archive;
      return {
        status: 200,
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ archive, member: info.member }),
      };
    },
    put: {
      maxBytes: MAX_BYTES,
      async take(_, body) {
        const info = parse(await readAll(body, MAX_BYTES));
        if (narOf(info.archive)?.type !== 'file')
          throw refused('archive is no NAR of this cache');
        const json = { archive: info.archive, member: info.member };
        await tables.debugInfo.put(
          key,
          new TextEncoder().encode(JSON.stringify(json)),
        );
        return textReply(200, 'stored');
      },
    },
  };
}

/** The SHA-256 of the uploaded file that an entry of the table names; `undefined` where it names another NAR. */
export function debugInfoFile(value: Uint8Array): Uint8Array | undefined {
  const file = narOf(parse(value).archive);
  return file?.type === 'file' ? file.fileSha256 : undefined;
}

function narOf(archive: string): ReturnType<typeof parseNarName> {
  const [, file] = /^\.\.\/nar\/([^/]+)$/.exec(archive) ?? [];
  return file === undefined
    ? undefined
    : parseNarName([file], new URLSearchParams());
}

function parse(bytes: Uint8Array): DebugInfo {
  let json: Partial<DebugInfo> | null;
  try {
    json = JSON.parse(Buffer.from(bytes).toString()) as typeof json;
  } catch (cause) {
    throw new StoreError('store/invalid-debug-info', 'it is no JSON', {
      cause,
    });
  }
  if (typeof json?.archive !== 'string' || typeof json.member !== 'string')
    throw refused('archive or member is missing');
  return { archive: json.archive, member: json.member };
}

function refused(what: string): StoreError {
  return new StoreError('store/invalid-debug-info', what);
}

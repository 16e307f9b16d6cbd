import { nodeFromProto, Node as NodeMessage } from '@tvix/castore/proto';
import type { Node } from '@tvix/castore';
import { decodeNixBase32, encodeNixBase32 } from '@tvix/nar';
import type { StorePath } from '@tvix/nar';
import type { Compression } from '../compression/compression.ts';

/** What the rest of a path below `nar/` means. */
export type NarName =
  /** The NAR of a store path, known by its output hash; where the NAR's SHA-256 is given it must be that. */
  | {
      readonly type: 'path';
      readonly outputHash: Uint8Array;
      readonly narSha256?: Uint8Array;
    }
  /** A file that a client uploads, known by the SHA-256 of its bytes. */
  | {
      readonly type: 'file';
      readonly fileSha256: Uint8Array;
      /** `undefined` where the name has no suffix: it is not compressed, or it is gzip. */
      readonly compression: Compression | undefined;
    }
  /** The NAR of a castore node. */
  | { readonly type: 'node'; readonly node: Node };

const SUFFIXES: Readonly<Record<string, Compression>> = {
  '.xz': 'xz',
  '.zst': 'zstd',
  '.bz2': 'bzip2',
  '.br': 'br',
  '.lz4': 'lz4',
  '.lzip': 'lzip',
  '.lz': 'lzip',
  '.gz': 'gzip',
};

const OF_PATH = /^([0-9a-z]{32})-([0-9a-z]{52})\.nar$/;
const OF_OUTPUT_HASH = /^([0-9a-z]{32})\.nar$/;
const OF_FILE = /^([0-9a-z]{52})\.nar(\.[a-z0-9]+)?$/;
const BASE64 = /^[A-Za-z0-9_+-]+=*$/;

/**
 * Where the NAR of a store path is found, relative to the cache. All that is needed to find it again stands in the name,
 * so that it holds for as long as a client remembers it.
 */
export function narUrl(storePath: StorePath, narSha256: Uint8Array): string {
  return `nar/${storePath.hashPart}-${encodeNixBase32(narSha256)}.nar`;
}

/**
 * Reads what follows `nar/`; `undefined` where no server of NARs ever named one so. Beside our own names (those of
 * nix-serve) these are those of clients that upload, of attic (output hash alone), of harmonia (the NAR's hash, and the
 * output hash in the query), and of nar-bridge (a castore node), since clients remember a name for 30 days.
 */
export function parseNarName(
  segments: readonly string[],
  query: URLSearchParams,
): NarName | undefined {
  const [first = '', second] = segments;
  if (segments.length === 2 && first === 'tvix-castore')
    return nodeName(second!);
  if (segments.length !== 1) return undefined;

  const [, output, nar] = OF_PATH.exec(first) ?? [];
  if (output !== undefined) return pathName(output, nar);
  const [, bare] = OF_OUTPUT_HASH.exec(first) ?? [];
  if (bare !== undefined) return pathName(bare);
  const [, file, suffix] = OF_FILE.exec(first) ?? [];
  if (file === undefined) return undefined;
  const hash = query.get('hash');
  if (hash !== null) return pathName(hash, file);
  const fileSha256 = decode(file, 32);
  const compression = suffix === undefined ? undefined : SUFFIXES[suffix];
  if (fileSha256 === undefined) return undefined;
  if (suffix !== undefined && compression === undefined) return undefined;
  return { type: 'file', fileSha256, compression };
}

function pathName(output: string, nar?: string): NarName | undefined {
  const outputHash = decode(output, 20);
  if (outputHash === undefined) return undefined;
  if (nar === undefined) return { type: 'path', outputHash };
  const narSha256 = decode(nar, 32);
  return narSha256 && { type: 'path', outputHash, narSha256 };
}

function nodeName(base64: string): NarName | undefined {
  if (!BASE64.test(base64)) return undefined;
  try {
    const bytes = new Uint8Array(Buffer.from(base64, 'base64url'));
    return { type: 'node', node: nodeFromProto(NodeMessage.decode(bytes)) };
  } catch {
    return undefined;
  }
}

function decode(digits: string, length: number): Uint8Array | undefined {
  try {
    return decodeNixBase32(digits, length);
  } catch {
    return undefined;
  }
}

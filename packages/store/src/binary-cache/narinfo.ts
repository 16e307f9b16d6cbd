import { decodeNixBase32, formatNarInfo } from '@tvix/nar';
import type { CallOptions } from '@tvix/castore';
import type { NarInfo } from '@tvix/nar';
import { pathInfoToNarInfo } from '../path-info/narinfo.ts';
import { PathInfo } from '../path-info/path-info.ts';
import type { CacheContext } from './context.ts';
import { narInfoUpload } from './narinfo-upload.ts';
import { narUrl } from './nar-name.ts';
import { notFound } from './reply.ts';
import type { Reply } from './reply.ts';
import type { CacheRequest, Resource } from './resource.ts';
import { signedForReading } from './sign-on-read.ts';

const MEDIA_TYPE = 'text/x-nix-narinfo';
const ABSENT = notFound('no such path');

/** `<hash>.narinfo`: what a client has to know of a path to fetch its NAR. Uploading it makes the path exist. */
export function narInfo(
  context: CacheContext,
  hashPart: string,
): Resource | undefined {
  const outputHash = decodeHashPart(hashPart);
  if (outputHash === undefined) return undefined;
  return {
    get: (request) =>
      replyAtHand(outputHash, context) ??
      makeReply(outputHash, context, request),
    put: narInfoUpload(context, outputHash),
  };
}

/** What is answered without waiting for anything: the narinfo of a path that was asked for before, and absence. */
function replyAtHand(
  outputHash: Uint8Array,
  { pathInfos, substituter, narInfoReplies }: CacheContext,
): Reply | undefined {
  if (pathInfos.getNow === undefined) return undefined;
  const pathInfo = pathInfos.getNow(outputHash);
  if (pathInfo !== undefined) return narInfoReplies.get(pathInfo);
  return substituter === undefined ? ABSENT : undefined;
}

async function makeReply(
  outputHash: Uint8Array,
  context: CacheContext,
  { signal }: CacheRequest,
): Promise<Reply> {
  const pathInfo = await context.pathInfos.get(outputHash, { signal });
  const text = pathInfo
    ? await narInfoText(pathInfo, context, { signal })
    : await substituteText(outputHash, context, { signal });
  if (text === undefined) return ABSENT;
  const reply = {
    status: 200,
    headers: { 'Content-Type': MEDIA_TYPE },
    body: Buffer.from(text),
  };
  if (pathInfo !== undefined) context.narInfoReplies.set(pathInfo, reply);
  return reply;
}

/** The 20 bytes of 32 characters of nixbase32; `undefined` where they are no such thing. */
export function decodeHashPart(hashPart: string): Uint8Array | undefined {
  try {
    return decodeNixBase32(hashPart, 20);
  } catch {
    return undefined;
  }
}

/**
 * The narinfo of a path, whose file is its plain NAR; `undefined` where references are known by their hashes alone, so
 * that none can be written.
 */
export async function narInfoText(
  stored: PathInfo,
  context: CacheContext,
  options?: CallOptions,
): Promise<string | undefined> {
  const complete = await completed(stored, context, options);
  if (complete === undefined) return undefined;
  const pathInfo = await signedForReading(complete, context, options);
  const { storePath } = pathInfo;
  const { narSha256 } = pathInfo.narInfo!;
  return ownNarInfo(pathInfoToNarInfo(pathInfo, narUrl(storePath, narSha256))!);
}

/** The narinfo of a path that an upstream has: its NAR is fetched when somebody asks for that. */
async function substituteText(
  outputHash: Uint8Array,
  { substituter }: CacheContext,
  options?: CallOptions,
): Promise<string | undefined> {
  const narInfo = await substituter?.find(outputHash, options);
  return narInfo && ownNarInfo(narInfo);
}

/** A narinfo of what is found here as a plain NAR. */
function ownNarInfo(narInfo: NarInfo): string {
  const { storePath, narSha256, narSize } = narInfo;
  return formatNarInfo({
    ...narInfo,
    url: narUrl(storePath, narSha256),
    compression: 'none',
    // Without them clients up to Nix 2.8 crash when they add a signature.
    fileSha256: narSha256,
    fileSize: narSize,
  });
}

/** A path info with all that a narinfo needs. */
async function completed(
  pathInfo: PathInfo,
  { narCalculation }: CacheContext,
  options?: CallOptions,
): Promise<PathInfo | undefined> {
  const { storePath, node, narInfo, references } = pathInfo;
  if (narInfo !== undefined) return pathInfo;
  if (references.length > 0) return undefined;
  const calculation = await narCalculation.calculateNar(node, options);
  return PathInfo.create(storePath, node, {
    ...calculation,
    signatures: [],
    references: [],
    deriver: undefined,
    ca: undefined,
  });
}

import { compareBytes } from '@tvix/castore';
import type { CallOptions } from '@tvix/castore';
import { encodeNixBase32 } from '@tvix/nar';
import type { ParsedNarInfo } from '@tvix/nar';
import { decodeContent } from '../compression/decode-content.ts';
import { StoreError } from '../errors.ts';
import { pathInfoFromNarInfo } from '../path-info/narinfo.ts';
import type { PathInfo } from '../path-info/path-info.ts';
import type { PathSignature } from '../path-info/path-nar-info.ts';
import {
  assertFewSignatures,
  MAX_SIGNATURES,
} from '../path-info/signature-bound.ts';
import {
  readsContents,
  verifyContentAddress,
} from '../path-info/verify-content-address.ts';
import {
  isSignedByAny,
  mergeSignatures,
  signaturesBy,
} from '../path-info-service/signing.ts';
import type { ArrivingNar } from './arriving-nars.ts';
import type { CacheContext } from './context.ts';
import { parseNarName } from './nar-name.ts';
import type { NarName } from './nar-name.ts';
import { readNarInfo } from './narinfo-text.ts';
import { readAll } from './read-all.ts';
import { textReply } from './reply.ts';
import type { Upload } from './resource.ts';
import { findNar, isNamedSo, narOfPath } from './served-nar.ts';
import type { ServedNar } from './served-nar.ts';

/** A derivation may have thousands of references of up to 244 characters. */
const MAX_NARINFO_BYTES = 4 * 1024 * 1024;

/**
 * The commit point of an upload: the NAR that the narinfo names must be here, be what it says, and all that it refers to
 * must be here. Nothing of the path can be seen before. A narinfo of a path that is here adds its signatures and changes
 * nothing else.
 */
export function narInfoUpload(
  context: CacheContext,
  outputHash: Uint8Array,
): Upload {
  return {
    maxBytes: MAX_NARINFO_BYTES,
    async take({ headers, signal }, body) {
      const decoded = decodeContent(headers['content-encoding'], body, {
        maxBytes: MAX_NARINFO_BYTES,
      });
      const narInfo = readNarInfo(await readAll(decoded, MAX_NARINFO_BYTES));
      if (compareBytes(narInfo.storePath.digest, outputHash) !== 0) {
        throw refused(
          `the narinfo of ${encodeNixBase32(outputHash)} is of ${narInfo.storePath.toString()}`,
        );
      }
      const key = encodeNixBase32(outputHash);
      await context.commits.take(key, () =>
        holdingPaths(narInfo, context, () =>
          commit(narInfo, context, { signal }),
        ),
      );
      return textReply(200, 'stored');
    },
  };
}

/** Does something while neither the path, where it is here, nor what it refers to is forgotten. */
async function holdingPaths(
  { storePath, references }: ParsedNarInfo,
  { holdPaths }: CacheContext,
  work: () => Promise<void>,
): Promise<void> {
  const needed = [storePath, ...references].map(({ digest }) => digest);
  const letGo = await holdPaths?.(needed);
  try {
    await work();
  } finally {
    letGo?.();
  }
}

async function commit(
  narInfo: ParsedNarInfo,
  context: CacheContext,
  options: CallOptions,
): Promise<void> {
  const { nar, isVerified, arriving } = await namedNar(
    narInfo,
    context,
    options,
  );
  const existing = await context.pathInfos.get(
    narInfo.storePath.digest,
    options,
  );
  const offered = pathInfoFromNarInfo(narInfo, nar.node);
  const merged =
    existing?.narInfo === undefined
      ? offered
      : withSignaturesOf(existing, offered);
  if (existing === undefined || existing.narInfo === undefined)
    await assertReferences(offered, context, options);
  if (merged !== existing)
    assertFewSignatures(await strangersSignatures(merged, context));
  if (readsContents(merged)) await arriving?.stored;
  await assertTrusted(merged, context, options);
  const { signer } = context.options;
  const signed = signer && isVerified ? await signer.sign(merged) : merged;
  if (signed !== existing) {
    // Behind the NAR that isn't durable yet, so that both become so at once.
    const { pathInfos } = arriving ?? context;
    await pathInfos.put(signed, options);
  }
  await arriving?.stored;
}

/** The NAR that a narinfo names. */
interface NamedNar {
  readonly nar: ServedNar;
  readonly isVerified: boolean;
  /** Where it isn't durable yet. */
  readonly arriving: ArrivingNar | undefined;
}

/** The NAR that a narinfo names, held against what it says. */
async function namedNar(
  narInfo: ParsedNarInfo,
  context: CacheContext,
  options: CallOptions,
): Promise<NamedNar> {
  const [path = '', query = ''] = narInfo.url.split('?', 2);
  const [first, ...rest] = path.split('/');
  const name =
    first === 'nar'
      ? parseNarName(rest, new URLSearchParams(query))
      : undefined;
  const arriving = name && arrivingNar(name, context);
  const nar =
    arriving?.nar ?? (name && (await storedNar(name, context, options)));
  if (nar === undefined && name?.type === 'file') {
    const failure = context.arriving.failureOf(name.fileSha256);
    if (failure !== undefined) throw failure as Error;
  }
  if (nar === undefined)
    throw refused(`no NAR was uploaded as ${JSON.stringify(narInfo.url)}`);
  if (compareBytes(nar.narSha256, narInfo.narSha256) !== 0) {
    throw refused(
      `NarHash is sha256:${encodeNixBase32(narInfo.narSha256)}, but the NAR's is sha256:${encodeNixBase32(nar.narSha256)}`,
    );
  }
  if (nar.narSize !== narInfo.narSize) {
    throw refused(
      `NarSize is ${narInfo.narSize}, but the NAR has ${nar.narSize} bytes`,
    );
  }
  if (name?.type === 'file') {
    const { fileSha256, fileSize } = narInfo;
    if (fileSha256 && compareBytes(fileSha256, name.fileSha256) !== 0)
      throw refused('FileHash is another than that of the file');
    if (fileSize !== undefined && Number(fileSize) !== nar.fileSize)
      throw refused(
        `FileSize is ${fileSize}, but the file had ${nar.fileSize} bytes`,
      );
  }
  // Of a path that is here, the path info alone says what its NAR is, and anybody may have put that.
  return { nar, isVerified: name?.type !== 'path', arriving };
}

/** A NAR that was taken just now has a tree that is stored: nobody has to look. */
function arrivingNar(
  name: NarName,
  { arriving }: CacheContext,
): ArrivingNar | undefined {
  if (name.type !== 'file') return undefined;
  const found = arriving.get(name.fileSha256);
  return found !== undefined && isNamedSo(found.nar, name) ? found : undefined;
}

/** The NAR of a name. A path that only an upstream has is fetched: it gets signatures here. */
async function storedNar(
  name: NarName,
  context: CacheContext,
  options: CallOptions,
): Promise<ServedNar | undefined> {
  const nar = await findNar(name, context, options);
  if (nar !== undefined || name.type !== 'path') return nar;
  const { outputHash } = name;
  const fetched = await context.substituter?.fetch(outputHash, options);
  return fetched && narOfPath(fetched, name, context, options);
}

function withSignaturesOf(existing: PathInfo, offered: PathInfo): PathInfo {
  const [a, b] = [existing.narInfo!, offered.narInfo!];
  const references = (of: typeof a): string =>
    of.references.map(String).sort().join(' ');
  if (
    compareBytes(a.narSha256, b.narSha256) !== 0 ||
    references(a) !== references(b)
  ) {
    throw new StoreError(
      'store/path-exists',
      `${existing.storePath.toString()} is here with other contents or references`,
      { details: { storePath: existing.storePath } },
    );
  }
  return mergeSignatures(existing, b.signatures);
}

async function assertReferences(
  { storePath, narInfo }: PathInfo,
  { pathInfos, substituter }: CacheContext,
  options: CallOptions,
): Promise<void> {
  for (const reference of narInfo!.references) {
    if (reference.equals(storePath)) continue;
    const found =
      (await pathInfos.get(reference.digest, options)) ??
      (await substituter?.find(reference.digest, options));
    if (found === undefined || !found.storePath.equals(reference))
      throw refused(`refers to ${reference.toString()}, which is not here`);
  }
}

/** The signatures that count against the bound: whoever filled it before keeps nobody's out that this cache trusts. */
async function strangersSignatures(
  pathInfo: PathInfo,
  { options: { signer, trustedKeys = [] } }: CacheContext,
): Promise<readonly PathSignature[]> {
  const { signatures } = pathInfo.narInfo!;
  if (signatures.length <= MAX_SIGNATURES) return signatures;
  const keys = [...trustedKeys, ...(signer?.publicKeys ?? [])];
  const trusted = new Set(await signaturesBy(pathInfo, keys));
  return signatures.filter((signature) => !trusted.has(signature));
}

async function assertTrusted(
  pathInfo: PathInfo,
  context: CacheContext,
  options: CallOptions,
): Promise<void> {
  const verdict = await verifyContentAddress(pathInfo, context, options);
  if (verdict === 'wrong')
    throw refused('the path is not made of its content address');
  const { requireTrustedSignature = false, trustedKeys = [] } = context.options;
  if (!requireTrustedSignature || verdict === 'proven') return;
  if (await isSignedByAny(pathInfo, trustedKeys)) return;
  throw new StoreError(
    'store/untrusted',
    `no signature of ${pathInfo.storePath.toString()} is by a trusted key`,
    { details: { storePath: pathInfo.storePath } },
  );
}

function refused(what: string): StoreError {
  return new StoreError('store/narinfo-refused', what);
}

import type { CallOptions } from '@tvix/castore';
import { fingerprint } from '@tvix/nar';
import type { PublicKey, SecretKey } from '@tvix/nar';
import { PathInfo } from '../path-info/path-info.ts';
import type { PathNarInfo, PathSignature } from '../path-info/path-nar-info.ts';
import type {
  PathInfoCapabilities,
  PathInfoService,
} from './path-info-service.ts';

/** Signs path infos with one key or several. Whoever calls it answers for what is signed. */
export class PathSigner {
  readonly #keys: readonly SecretKey[];

  constructor(keys: readonly SecretKey[]) {
    this.#keys = keys;
  }

  /** The keys that its signatures are verified with. */
  get publicKeys(): readonly PublicKey[] {
    return this.#keys.map(({ publicKey }) => publicKey);
  }

  /**
   * The path info with a signature of every key beside those that it has. Signatures by the same names that don't verify
   * are replaced. Without a narinfo there is nothing to sign, and it comes back as it is.
   */
  async sign(pathInfo: PathInfo): Promise<PathInfo> {
    const { storePath, narInfo } = pathInfo;
    if (narInfo === undefined) return pathInfo;
    let signatures = narInfo.signatures;
    for (const key of this.#keys) {
      if (await isSignedBy(pathInfo, key.publicKey)) continue;
      const { name, bytes } = await key.sign(
        fingerprint({ storePath, ...narInfo }),
      );
      signatures = [
        ...signatures.filter((signature) => signature.name !== name),
        { name, data: bytes },
      ];
    }
    return signatures === narInfo.signatures
      ? pathInfo
      : withSignatures(pathInfo, narInfo, signatures);
  }
}

/** Signs whatever is put, and hands everything else on. */
export class SigningPathInfoService implements PathInfoService {
  readonly capabilities: PathInfoCapabilities;
  readonly #inner: PathInfoService;
  readonly #signer: PathSigner;

  constructor(inner: PathInfoService, signer: PathSigner) {
    this.capabilities = inner.capabilities;
    this.#inner = inner;
    this.#signer = signer;
  }

  get(
    outputHash: Uint8Array,
    options?: CallOptions,
  ): Promise<PathInfo | undefined> {
    return this.#inner.get(outputHash, options);
  }

  async put(pathInfo: PathInfo, options?: CallOptions): Promise<PathInfo> {
    return this.#inner.put(await this.#signer.sign(pathInfo), options);
  }

  list(options?: CallOptions): AsyncIterable<PathInfo> {
    return this.#inner.list(options);
  }

  delete(
    outputHashes: readonly Uint8Array[],
    options?: CallOptions,
  ): Promise<void> {
    return this.#inner.delete(outputHashes, options);
  }
}

/** Whether one of the keys made a valid signature of the path info. */
export async function isSignedByAny(
  pathInfo: PathInfo,
  keys: readonly PublicKey[],
): Promise<boolean> {
  for (const key of keys) if (await isSignedBy(pathInfo, key)) return true;
  return false;
}

/** Those of a path info's signatures that one of the keys made, and that are valid. */
export async function signaturesBy(
  pathInfo: PathInfo,
  keys: readonly PublicKey[],
): Promise<PathSignature[]> {
  const { storePath, narInfo } = pathInfo;
  if (narInfo === undefined) return [];
  const text = fingerprint({ storePath, ...narInfo });
  const found: PathSignature[] = [];
  for (const signature of narInfo.signatures) {
    const { name, data: bytes } = signature;
    for (const key of keys)
      if (await key.verify(text, { name, bytes })) {
        found.push(signature);
        break;
      }
  }
  return found;
}

/** The same path info with the signatures of both, each once, sorted as Nix sorts them. */
export function mergeSignatures(
  pathInfo: PathInfo,
  more: readonly PathSignature[],
): PathInfo {
  const { narInfo } = pathInfo;
  if (narInfo === undefined) return pathInfo;
  const merged = new Map(
    [...narInfo.signatures, ...more].map((signature) => [
      signatureKey(signature),
      signature,
    ]),
  );
  if (merged.size === narInfo.signatures.length) return pathInfo;
  const signatures = [...merged].sort(([a], [b]) => (a < b ? -1 : 1));
  return withSignatures(
    pathInfo,
    narInfo,
    signatures.map(([, signature]) => signature),
  );
}

function signatureKey({ name, data }: PathSignature): string {
  return `${name}:${Buffer.from(data).toString('base64')}`;
}

async function isSignedBy(
  { storePath, narInfo }: PathInfo,
  key: PublicKey,
): Promise<boolean> {
  if (narInfo === undefined) return false;
  const text = fingerprint({ storePath, ...narInfo });
  for (const { name, data } of narInfo.signatures)
    if (await key.verify(text, { name, bytes: data })) return true;
  return false;
}

function withSignatures(
  { storePath, node }: PathInfo,
  narInfo: PathNarInfo,
  signatures: readonly PathSignature[],
): PathInfo {
  return PathInfo.create(storePath, node, { ...narInfo, signatures });
}

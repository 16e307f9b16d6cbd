import { NarError, NixHash } from '@tvix/nar';
import type { ContentAddress, HashAlgo } from '@tvix/nar';
import { StoreError } from '../errors.ts';
import { NARInfo_CA_Hash as Hash } from '../proto/index.ts';
import type { PathContentAddress } from './path-nar-info.ts';

const KINDS: readonly (readonly [
  name: keyof typeof Hash,
  method: ContentAddress['method'],
  algo: HashAlgo,
])[] = [
  ['NAR_SHA256', 'nar', 'sha256'],
  ['NAR_SHA1', 'nar', 'sha1'],
  ['NAR_SHA512', 'nar', 'sha512'],
  ['NAR_MD5', 'nar', 'md5'],
  ['TEXT_SHA256', 'text', 'sha256'],
  ['FLAT_SHA1', 'flat', 'sha1'],
  ['FLAT_MD5', 'flat', 'md5'],
  ['FLAT_SHA256', 'flat', 'sha256'],
  ['FLAT_SHA512', 'flat', 'sha512'],
];

/** The message's form of a content address. */
export function toPathContentAddress({
  method,
  hash,
}: ContentAddress): PathContentAddress {
  const kind = KINDS.find(
    ([, aMethod, algo]) => aMethod === method && algo === hash.algo,
  );
  if (kind === undefined) {
    throw new StoreError(
      'store/unknown-ca-type',
      `no content address type for ${method} and ${hash.algo}`,
      { details: { method, algo: hash.algo } },
    );
  }
  return { type: Hash[kind[0]], digest: hash.digest };
}

/**
 * The narinfo's form of a content address.
 *
 * @throws StoreError `store/unknown-ca-type`, `store/invalid-ca-digest-length`
 */
export function fromPathContentAddress({
  type,
  digest,
}: PathContentAddress): ContentAddress {
  const kind = KINDS.find(([name]) => Hash[name] === type);
  if (kind === undefined) {
    throw new StoreError(
      'store/unknown-ca-type',
      `unknown content address type ${type}`,
      { details: { type } },
    );
  }
  const [name, method, algo] = kind;
  try {
    return { method, hash: NixHash.from(algo, digest) };
  } catch (cause) {
    if (!(cause instanceof NarError)) throw cause;
    throw new StoreError(
      'store/invalid-ca-digest-length',
      `a content address ${name} with a digest of ${digest.length} bytes`,
      { cause, details: { length: digest.length, type: name } },
    );
  }
}

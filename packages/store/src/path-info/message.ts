/** From the message to values, every rule checked once, in the order of the protocol; and back. */
import { compareBytes, pathComponent, quoteBytes } from '@tvix/castore';
import type { NamedNode, Node } from '@tvix/castore';
import { namedNodeFromProto, nodeToProto } from '@tvix/castore/proto';
import { StorePath } from '@tvix/nar';
import { StoreError } from '../errors.ts';
import type {
  NARInfo as NarInfoMessage,
  NARInfo_CA_Hash,
  PathInfo as PathInfoMessage,
  StorePath as StorePathMessage,
} from '../proto/index.ts';
import { assertNarSha256, assertReference } from './lengths.ts';
import type { PathNarInfo } from './path-nar-info.ts';

/** What a valid message says; `PathInfo` tells what each means. */
export interface PathInfoFields {
  readonly storePath: StorePath;
  readonly node: Node;
  readonly references: readonly Uint8Array[];
  readonly narInfo: PathNarInfo | undefined;
}

/** The parts of a valid message, which keep views of its bytes. For the errors, see `PathInfo.fromMessage`. */
export function pathInfoFieldsFromMessage(
  message: PathInfoMessage,
): PathInfoFields {
  const { references } = message;
  references.forEach(assertReference);
  const narInfo = message.narinfo && readNarInfo(message.narinfo, references);
  const { storePath, node } = readRoot(message);
  return { storePath, node, references, narInfo };
}

/** The message of a path info. */
export function pathInfoToMessage({
  storePath,
  node,
  references,
  narInfo,
}: PathInfoFields): PathInfoMessage {
  return {
    node: nodeToProto(node, pathComponent(storePath.toString())),
    references,
    narinfo: narInfo && writeNarInfo(narInfo),
  };
}

function readNarInfo(
  message: NarInfoMessage,
  references: readonly Uint8Array[],
): PathNarInfo {
  assertNarSha256(message.narSha256);
  const names = message.referenceNames;
  if (names.length !== references.length) {
    throw new StoreError(
      'store/inconsistent-reference-count',
      `${references.length} references, but ${names.length} reference names`,
      {
        details: {
          references: references.length,
          referenceNames: names.length,
        },
      },
    );
  }
  return {
    narSize: message.narSize,
    narSha256: message.narSha256,
    signatures: message.signatures,
    references: names.map((name, index) =>
      readReferenceName(name, index, references[index]!),
    ),
    deriver: message.deriver && readDeriver(message.deriver),
    ca: message.ca,
  };
}

function readReferenceName(
  name: string,
  index: number,
  reference: Uint8Array,
): StorePath {
  let storePath: StorePath;
  try {
    storePath = StorePath.parse(name);
  } catch (cause) {
    throw new StoreError(
      'store/invalid-reference-name',
      `reference name ${index} is no store path: ${JSON.stringify(name)}`,
      { cause, details: { index, name } },
    );
  }
  if (compareBytes(storePath.digest, reference) !== 0) {
    throw new StoreError(
      'store/inconsistent-reference-name',
      `reference name ${index} has another hash than the reference: ${name}`,
      { details: { index, reference, digest: storePath.digest } },
    );
  }
  return storePath;
}

function readDeriver({ name, digest }: StorePathMessage): StorePath {
  try {
    return StorePath.fromNameAndDigest(name, digest);
  } catch (cause) {
    throw new StoreError(
      'store/invalid-deriver',
      `the deriver is no store path: ${JSON.stringify(name)}`,
      { cause, details: { name, digest } },
    );
  }
}

function readRoot({ node: message }: PathInfoMessage): {
  storePath: StorePath;
  node: Node;
} {
  if (message?.node === undefined) {
    throw new StoreError('store/no-node', 'a path info without a root node');
  }
  let root: NamedNode;
  try {
    root = namedNodeFromProto(message);
  } catch (cause) {
    throw new StoreError('store/invalid-root-node', 'invalid root node', {
      cause,
    });
  }
  const { name, node } = root;
  try {
    return { storePath: StorePath.parse(name), node };
  } catch (cause) {
    throw new StoreError(
      'store/invalid-node-name',
      `the root node's name is no store path: ${quoteBytes(name)}`,
      { cause, details: { name } },
    );
  }
}

function writeNarInfo(narInfo: PathNarInfo): NarInfoMessage {
  const { narSize, narSha256, signatures, references, deriver, ca } = narInfo;
  return {
    narSize,
    narSha256,
    signatures,
    referenceNames: references.map((reference) => reference.toString()),
    deriver: deriver && { name: deriver.name, digest: deriver.digest },
    // Protobuf's enums are open: a number that has no name here is kept as it is.
    ca: ca && { type: ca.type as NARInfo_CA_Hash, digest: ca.digest },
  };
}

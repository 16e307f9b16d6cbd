import { pathComponent } from '@tvix/castore';
import type { NamedNode, Node } from '@tvix/castore';
import type { StorePath } from '@tvix/nar';
import { StoreError } from '../errors.ts';
import { PathInfo as Message } from '../proto/index.ts';
import { assertNarSha256, assertReference } from './lengths.ts';
import { pathInfoFieldsFromMessage, pathInfoToMessage } from './message.ts';
import type { PathNarInfo } from './path-nar-info.ts';

/**
 * A store path: the castore node with its contents, and what it refers to. It never changes, and an invalid one can't
 * exist. Byte fields aren't to be changed.
 */
export class PathInfo {
  readonly storePath: StorePath;
  /** The contents. */
  readonly node: Node;
  /** The output hashes of the paths referred to, 20 bytes each. */
  readonly references: readonly Uint8Array[];
  /** Where it is left out, nothing is known of the NAR, and references have no names. */
  readonly narInfo: PathNarInfo | undefined;

  private constructor(
    storePath: StorePath,
    node: Node,
    references: readonly Uint8Array[],
    narInfo: PathNarInfo | undefined,
  ) {
    this.storePath = storePath;
    this.node = node;
    this.references = references;
    this.narInfo = narInfo;
  }

  /**
   * A path with all that a narinfo says of it; its references are those of `narInfo`.
   *
   * @throws StoreError `store/invalid-nar-sha256-length`
   */
  static create(
    storePath: StorePath,
    node: Node,
    narInfo: PathNarInfo,
  ): PathInfo {
    assertNarSha256(narInfo.narSha256);
    const references = narInfo.references.map(({ digest }) => digest);
    return new PathInfo(storePath, node, references, narInfo);
  }

  /**
   * A path of whose NAR nothing is known, with the output hashes that it refers to, 20 bytes each.
   *
   * @throws StoreError `store/invalid-reference-length`
   */
  static createBare(
    storePath: StorePath,
    node: Node,
    references: readonly Uint8Array[] = [],
  ): PathInfo {
    references.forEach(assertReference);
    return new PathInfo(storePath, node, references, undefined);
  }

  /**
   * Validates a `tvix.store.v1.PathInfo` message, whose bytes are kept: nobody may change them afterwards.
   *
   * @throws StoreError with the first that applies of `store/invalid-reference-length`,
   *   `store/invalid-nar-sha256-length`, `store/inconsistent-reference-count`, `store/invalid-reference-name`,
   *   `store/inconsistent-reference-name`, `store/invalid-deriver`, `store/no-node`, `store/invalid-root-node`,
   *   `store/invalid-node-name`
   */
  static fromMessage(message: Message): PathInfo {
    const { storePath, node, references, narInfo } =
      pathInfoFieldsFromMessage(message);
    return new PathInfo(storePath, node, references, narInfo);
  }

  /**
   * Decodes and validates a `tvix.store.v1.PathInfo` message. Unknown fields are dropped.
   *
   * @throws StoreError `store/undecodable`, and as {@link PathInfo.fromMessage}
   */
  static decode(bytes: Uint8Array): PathInfo {
    let message: Message;
    try {
      message = Message.decode(bytes);
    } catch (cause) {
      throw new StoreError(
        'store/undecodable',
        'not a valid path info message',
        { cause },
      );
    }
    return PathInfo.fromMessage(message);
  }

  /** The root node under its name, the basename of the store path. */
  get root(): NamedNode {
    return { name: pathComponent(this.storePath.toString()), node: this.node };
  }

  toMessage(): Message {
    return pathInfoToMessage(this);
  }

  /** The canonical encoding of the message. */
  encode(): Uint8Array {
    return Message.encode(this.toMessage()).finish();
  }
}

import { isPathComponent } from '@tvix/castore';
import type { Node } from '@tvix/castore';
import {
  FOREVER_SECONDS,
  writeAttributes,
  writeEntry,
  writeRootAttributes,
} from '../attributes.ts';
import type { DirectoryCache } from '../directory-cache.ts';
import { ERRNO } from '../errno.ts';
import type { Call } from '../fuse/call.ts';
import { LENGTH, OP, ROOT_ID } from '../fuse/protocol.ts';
import { contentDigest, KIND, kindOf, nodeSize } from '../inode-identity.ts';
import type { RootNodes } from '../root-nodes.ts';
import { xattrNames, xattrValue } from '../xattr.ts';
import { directoryDigest } from './inode-of-call.ts';
import type { KernelState } from './kernel-state.ts';

/** How nodes are found and described. */
export interface NodeOptions {
  readonly rootNodes: RootNodes;
  readonly directories: DirectoryCache;
  /** How long the kernel may go without asking for a name in the root again. */
  readonly rootTtlSeconds: number;
  /** Whether extended attributes exist. */
  readonly xattrs: boolean;
}

/** LOOKUP, and what can be told of an inode without reading its contents. */
export class NodeOperations {
  readonly #kernel: KernelState;
  readonly #rootNodes: RootNodes;
  readonly #directories: DirectoryCache;
  readonly #rootTtlSeconds: number;
  readonly #xattrs: boolean;

  constructor(kernel: KernelState, options: NodeOptions) {
    this.#kernel = kernel;
    this.#rootNodes = options.rootNodes;
    this.#directories = options.directories;
    this.#rootTtlSeconds = options.rootTtlSeconds;
    this.#xattrs = options.xattrs;
  }

  lookup(call: Call): void {
    const { nodeid } = call;
    const name = call.name();
    if (nodeid === ROOT_ID) return this.#lookupInRoot(call, name.slice());
    const digest = directoryDigest(this.#kernel.inodes, call);
    if (digest === undefined) return;
    const directory = this.#directories.peek(digest);
    if (directory !== undefined) {
      const node = directory.get(name);
      return this.#answerEntry(call, node, name, FOREVER_SECONDS);
    }
    const copy = name.slice();
    this.#kernel.deferred.answerLater(
      call,
      (signal) => this.#directories.load(digest, signal),
      (loaded) =>
        this.#answerEntry(call, loaded.get(copy), copy, FOREVER_SECONDS),
    );
  }

  getAttributes(call: Call): void {
    const at = LENGTH.OUT_HEADER;
    const kind = this.#kernel.inodes.kind(call.nodeid);
    this.#kernel.reply.blank(LENGTH.ATTR_OUT);
    this.#kernel.reply.setTime(at, at + 8, FOREVER_SECONDS);
    if (call.nodeid === ROOT_ID)
      writeRootAttributes(this.#kernel.reply, at + 16);
    else if (kind === KIND.FREE) return void call.fail(ERRNO.ENOENT);
    else
      writeAttributes(
        this.#kernel.reply,
        at + 16,
        this.#kernel.inodes.attributes(call.nodeid),
      );
    call.succeed(LENGTH.ATTR_OUT);
  }

  readLink(call: Call): void {
    const kind = this.#kernel.inodes.kind(call.nodeid);
    if (kind === KIND.SYMLINK)
      call.succeed(0, [this.#kernel.inodes.target(call.nodeid)]);
    else if (kind === KIND.FREE && call.nodeid !== ROOT_ID)
      call.fail(ERRNO.ENOENT);
    else call.fail(ERRNO.EINVAL);
  }

  getXattr(call: Call): void {
    if (!this.#xattrs) return void call.fail(ERRNO.ENOSYS);
    const kind = this.#kernel.inodes.kind(call.nodeid);
    const size = call.uint32(0);
    const value =
      call.opcode === OP.LISTXATTR
        ? xattrNames(kind)
        : kind === KIND.FREE
          ? undefined
          : xattrValue(
              kind,
              this.#kernel.inodes.attributes(call.nodeid).digest,
              call.name(8),
            );
    if (value === undefined) call.fail(ERRNO.ENODATA);
    else if (size === 0) {
      this.#kernel.reply.blank(LENGTH.GETXATTR_OUT);
      this.#kernel.reply.view.setUint32(LENGTH.OUT_HEADER, value.length, true);
      call.succeed(LENGTH.GETXATTR_OUT);
    } else if (value.length > size) call.fail(ERRNO.ERANGE);
    else call.succeed(0, [value]);
  }

  #lookupInRoot(call: Call, name: Uint8Array): void {
    const answer = (node: Node | undefined): void =>
      this.#answerEntry(call, node, name, this.#rootTtlSeconds);
    if (!isPathComponent(name)) return answer(undefined);
    this.#kernel.deferred.answerLater(
      call,
      (signal) => this.#rootNodes.get(name, { signal }),
      answer,
    );
  }

  #answerEntry(
    call: Call,
    node: Node | undefined,
    name: Uint8Array,
    validSeconds: number,
  ): void {
    const at = LENGTH.OUT_HEADER;
    if (node === undefined) {
      writeEntry(this.#kernel.reply, at, 0, undefined, validSeconds);
      call.succeed(LENGTH.ENTRY_OUT);
      return;
    }
    const kind = kindOf(node);
    const digest = contentDigest(node);
    const nodeid = this.#kernel.inodes.acquire(node, call.nodeid, name);
    const attributes = { kind, digest, size: nodeSize(node) };
    writeEntry(this.#kernel.reply, at, nodeid, attributes, validSeconds);
    if (!call.succeed(LENGTH.ENTRY_OUT)) this.#kernel.inodes.forget(nodeid, 1);
  }
}

import {
  lstatSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { DiskRecorder, isDiskUnchanged } from '@tvix/castore';
import type { CallOptions, DiskWitness, Node, Receipts } from '@tvix/castore';
import { isTreeStored } from '../nar/is-tree-stored.ts';
import type { TreeStorage } from '../nar/tree-storage.ts';
import { replaceFile } from './replace-file.ts';
import { decodeKnownTree, encodeKnownTree } from './tree-file.ts';
import type { KnownTree } from './tree-file.ts';

/** After so long a tree is looked at in full again, which also makes it known that its files are of use. */
const TRUSTED_FOR_MS = 7 * 24 * 60 * 60 * 1000;

/** Options of {@link KnownTrees}. */
export interface KnownTreesOptions {
  /** Those of the store that the trees are imported into, where it keeps blobs and directories alike. */
  readonly receipts?: Receipts | undefined;
  /** Hears why something wasn't remembered. */
  readonly onFailure?: (error: unknown) => void;
}

/** A tree on its way into a store. */
export interface TreeToKnow {
  /** Hears what is read. */
  readonly witness: DiskWitness;
  /** It is stored, durably, as a node. */
  remember(node: Node): Promise<void>;
}

/**
 * Remembers directories that were imported as a whole, one file each, by device and inode: what their directories and
 * files were, and the node that they became. A tree that is as it was needs neither to be listed nor to be read.
 *
 * Whether the store still has all of a tree is told by a receipt, where the store gives receipts, and otherwise asked
 * for, object by object.
 */
export class KnownTrees {
  readonly #folder: string;
  readonly #options: KnownTreesOptions;

  constructor(folder: string, options: KnownTreesOptions = {}) {
    this.#folder = folder;
    this.#options = options;
  }

  /** The node of a tree that is as it was, and all of which is stored; `undefined` where it must be looked at. */
  async recall(
    path: string,
    store: TreeStorage,
    options: CallOptions = {},
  ): Promise<Node | undefined> {
    const file = this.#fileOf(path);
    if (file === undefined) return undefined;
    const tree = load(file);
    if (tree === undefined || Date.now() - tree.readMs > TRUSTED_FOR_MS)
      return undefined;
    if (!(await isDiskUnchanged(path, tree.record, options))) return undefined;
    const { node } = tree;
    try {
      if (await this.#isKept(tree, store, options)) return node;
      const moment = this.#options.receipts?.moment;
      if (!(await isTreeStored(node, store, options))) return undefined;
      await this.#write(file, tree, moment);
      return node;
    } catch {
      // Looking at all of it meets the same failure, or mends what was the matter.
      return undefined;
    }
  }

  /** A tree that is read now. */
  begin(path: string): TreeToKnow {
    const moment = this.#options.receipts?.moment;
    const readMs = Date.now();
    const recorder = new DiskRecorder();
    return {
      witness: recorder,
      remember: async (node) => {
        const record = recorder.finish();
        const file = this.#fileOf(path);
        if (record === undefined || file === undefined) return;
        if (node.type !== 'directory') return;
        await this.#write(file, { record, node, readMs }, moment);
      },
    };
  }

  /**
   * The order matters. Who asks for the root is either told that it isn't there, by a collection that takes it, or has it
   * kept with all below it; what was gone before that has taken the receipt back.
   */
  async #isKept(
    { node, receipt }: KnownTree,
    { directories }: TreeStorage,
    options: CallOptions,
  ): Promise<boolean> {
    const { receipts } = this.#options;
    if (receipts === undefined || receipt === undefined) return false;
    const root = await directories.get(node.digest, options);
    return root !== undefined && receipts.holds(receipt);
  }

  /** What can't be remembered is read again. */
  async #write(
    file: string,
    tree: Omit<KnownTree, 'receipt'>,
    moment: number | undefined,
  ): Promise<void> {
    try {
      const receipt =
        moment === undefined
          ? undefined
          : await this.#options.receipts?.give(moment);
      replaceFile(file, [encodeKnownTree({ ...tree, receipt })]);
      this.#forgetOlderThan(statSync(file).mtimeMs - TRUSTED_FOR_MS);
    } catch (error) {
      this.#options.onFailure?.(error);
    }
  }

  #forgetOlderThan(mtimeMs: number): void {
    for (const name of readdirSync(this.#folder)) {
      const file = join(this.#folder, name);
      if (statSync(file).mtimeMs < mtimeMs) rmSync(file, { force: true });
    }
  }

  /** `undefined` for what isn't a directory. */
  #fileOf(path: string): string | undefined {
    try {
      const found = lstatSync(path);
      return found.isDirectory()
        ? join(this.#folder, `${found.dev}-${found.ino}`)
        : undefined;
    } catch {
      return undefined;
    }
  }
}

function load(file: string): KnownTree | undefined {
  try {
    return decodeKnownTree(readFileSync(file));
  } catch {
    // Whatever the reason is, the tree is looked at.
    return undefined;
  }
}

import { Directory } from '../node/directory.ts';
import type { NamedNode, Node } from '../node/node.ts';
import type { PathComponent } from '../path/path-component.ts';

/** A place in the tree for a node that may become known later. */
export interface Slot {
  readonly name: PathComponent;
  readonly parent: OpenDirectory | undefined;
  node: Node | undefined;
}

interface OpenDirectory {
  readonly slot: Slot;
  readonly slots: Slot[];
  /** How many of the slots have no node yet. */
  missing: number;
  hasEnded: boolean;
}

/**
 * Makes directories out of nodes that become known in any order (files wait for the digests of their batch), and gives
 * them out leaves first, the root last.
 *
 * Expects calls that are valid as a tree; names are copied, since sources hand out views into larger buffers.
 */
export class TreeAssembly {
  readonly #root: Slot = {
    name: new Uint8Array(0) as PathComponent,
    parent: undefined,
    node: undefined,
  };
  readonly #open: OpenDirectory[] = [];
  #next: Slot = this.#root;
  #ready: Directory[] = [];

  /** The root node, once it is known. */
  get root(): Node | undefined {
    return this.#root.node;
  }

  /** Opens the next node as a directory. */
  directory(): void {
    this.#open.push({
      slot: this.#next,
      slots: [],
      missing: 0,
      hasEnded: false,
    });
  }

  /** Names the next node in the open directory. */
  entry(name: Uint8Array): void {
    const parent = this.#open.at(-1)!;
    // Not `name.slice()`: that is a view where the name is a Buffer.
    const copy = new Uint8Array(name) as PathComponent;
    this.#next = { name: copy, parent, node: undefined };
    parent.slots.push(this.#next);
    parent.missing++;
  }

  /** Closes the open directory. */
  end(): void {
    const directory = this.#open.pop()!;
    directory.hasEnded = true;
    this.#complete(directory);
  }

  /** The place of the next node, for {@link TreeAssembly.fill} now or later. */
  slot(): Slot {
    return this.#next;
  }

  /** Puts a node in its place. */
  fill(slot: Slot, node: Node): void {
    slot.node = node;
    if (slot.parent === undefined) return;
    slot.parent.missing--;
    this.#complete(slot.parent);
  }

  /** The directories that have become complete since the last call, children before parents. */
  takeReady(): readonly Directory[] {
    const ready = this.#ready;
    if (ready.length > 0) this.#ready = [];
    return ready;
  }

  #complete(directory: OpenDirectory): void {
    let next: OpenDirectory | undefined = directory;
    while (next !== undefined && next.hasEnded && next.missing === 0) {
      const complete = Directory.fromEntries(next.slots.map(toNamedNode));
      this.#ready.push(complete);
      next.slot.node = {
        type: 'directory',
        digest: complete.digest,
        size: complete.size,
      };
      next = next.slot.parent;
      if (next !== undefined) next.missing--;
    }
  }
}

/** Without the way up, which would keep the whole tree in memory for as long as one entry of it is held. */
function toNamedNode({ name, node }: Slot): NamedNode {
  return { name, node: node! };
}

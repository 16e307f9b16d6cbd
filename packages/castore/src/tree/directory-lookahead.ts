import type { CallOptions } from '../blob-service/blob-service.ts';
import type { B3Digest } from '../digest/b3-digest.ts';
import { requireDirectory } from '../directory-service/traverse.ts';
import type { DirectoryLookup } from '../directory-service/traverse.ts';
import type { Directory } from '../node/directory.ts';

/** How many of the directories that come next are looked up ahead of time. */
const WINDOW = 64;
/** How many may be looked up and not taken yet: each level of a tree may push those of the level above back. */
const MAX_HELD = 1024;

/** A directory that the walk will come to, in a list in the order of the walk. */
interface Upcoming {
  readonly digest: B3Digest;
  next: Upcoming | undefined;
  directory: Promise<Directory> | undefined;
}

/**
 * The directories of a tree depth first, each before those below it and siblings in the order of their names, as often
 * as the tree refers to them. Those that come next are looked up at the same time, so that a store far away doesn't
 * cost a round trip for each.
 */
export class DirectoryLookahead {
  readonly #directories: DirectoryLookup;
  readonly #options: CallOptions;
  #head: Upcoming | undefined;
  #held = 0;

  constructor(
    directories: DirectoryLookup,
    root: B3Digest,
    options: CallOptions = {},
  ) {
    this.#directories = directories;
    this.#options = options;
    this.#head = { digest: root, next: undefined, directory: undefined };
  }

  /**
   * The next directory. Don't call it again before it has answered, or after the last.
   *
   * @throws CastoreError `castore/directory-not-found`
   */
  async next(): Promise<Directory> {
    this.#lookUp();
    const upcoming = this.#head!;
    const directory = await upcoming.directory!;
    this.#head = upcoming.next;
    this.#held--;
    this.#lookUp();
    return directory;
  }

  /** Starts to look up what is within the window; what comes next always. */
  #lookUp(): void {
    let upcoming = this.#head;
    for (let i = 0; i < WINDOW && upcoming !== undefined; i++) {
      if (upcoming.directory === undefined) {
        if (i > 0 && this.#held >= MAX_HELD) return;
        this.#held++;
        upcoming.directory = this.#get(upcoming);
        // Whoever comes to it gets the failure; until then nobody listens.
        upcoming.directory.catch(() => {});
      }
      upcoming = upcoming.next;
    }
  }

  async #get(upcoming: Upcoming): Promise<Directory> {
    const directory = await requireDirectory(
      this.#directories,
      upcoming.digest,
      this.#options,
    );
    let last = upcoming;
    for (const { digest } of directory.directories()) {
      const child = { digest, next: last.next, directory: undefined };
      last.next = child;
      last = child;
    }
    this.#lookUp();
    return directory;
  }
}

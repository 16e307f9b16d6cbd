import { changesFromDisk, ingestTree, treeFromDisk } from '@tvix/castore';
import type {
  CallOptions,
  IngestEvents,
  IngestOptions,
  Node,
  TreeProgress,
} from '@tvix/castore';
import { buildNarPath, StorePath } from '@tvix/nar';
import { StoreError } from '../errors.ts';
import type {
  NarCalculation,
  NarCalculationService,
} from '../nar/calculation.ts';
import { PathInfo } from '../path-info/path-info.ts';
import { NARInfo_CA_Hash } from '../proto/index.ts';
import type { TreeUpload } from '../nar/tree-upload.ts';
import type { Store } from '../store.ts';
import type { FileCache } from './file-cache.ts';
import type { KnownTrees } from './known-trees.ts';
import { ContentsLost, ImportPass } from './import-pass.ts';
import { nameOfPath } from './name-of-path.ts';

/** What spares reading files that haven't changed since they were imported. */
export interface KnownImports {
  /** Gets what is read now. */
  readonly files: FileCache;
  /** Tells the NAR of a tree that wasn't read as a whole, and learns those that were. */
  readonly narCalculation: NarCalculationService;
  /** Tells trees of which nothing has changed, and learns those that are looked at. Left out: each is looked at. */
  readonly trees?: KnownTrees;
}

/** Options of {@link importPath}. */
export interface ImportOptions extends CallOptions {
  /** The name of the store path, in place of the last component of the path on disk. */
  readonly name?: string;
  /** Left out: every file is read. */
  readonly known?: KnownImports;
  /** Opens where each tree is put. Left out: the services of the store, which answer when each thing is durable. */
  readonly openUpload?: () => TreeUpload;
  /** Called about once a MiB. */
  readonly onProgress?: (progress: TreeProgress) => void;
}

/**
 * Takes a file, directory or symbolic link from disk into the store and answers with its path info once that is stored,
 * which makes the store path exist: `/nix/store/…-name`, addressed by the SHA-256 of its NAR, without references. What
 * was stored before a failure may stay, without anything that refers to it.
 *
 * The disk is read once: castore and the NAR's SHA-256 are fed by the same pass. Files that are known and stored aren't
 * read at all; where the store lost one of them, everything is read. Of a tree that is known and hasn't changed, files are
 * looked at and nothing else is done. The name is checked before anything is read.
 *
 * @throws StoreError `store/no-base-name`, `store/invalid-store-path-name`, `store/no-nar-form`; CastoreError as
 *   `treeFromDisk`, `ingestTree` and the services throw
 */
export async function importPath(
  path: string,
  store: Store,
  options: ImportOptions = {},
): Promise<PathInfo> {
  const name = options.name ?? (await nameOfPath(path));
  assertStorePathName(name, path);
  const { node, narSize, narSha256 } = await importTree(path, store, options);
  const pathInfo = PathInfo.create(buildNarPath(name, narSha256), node, {
    narSize,
    narSha256,
    signatures: [],
    references: [],
    deriver: undefined,
    ca: { type: NARInfo_CA_Hash.NAR_SHA256, digest: narSha256 },
  });
  return store.pathInfos.put(pathInfo, options);
}

interface Imported extends NarCalculation {
  readonly node: Node;
}

async function importTree(
  path: string,
  store: Store,
  options: ImportOptions,
): Promise<Imported> {
  const { known } = options;
  const node = await known?.trees?.recall(path, store, options);
  if (node !== undefined)
    return {
      node,
      ...(await known!.narCalculation.calculateNar(node, options)),
    };
  if (known === undefined || known.files.isEmpty)
    return runPass(path, store, options, true);
  try {
    return await runPass(path, store, options, false);
  } catch (error) {
    if (!(error instanceof ContentsLost)) throw error;
    return runPass(path, store, options, true);
  }
}

async function runPass(
  path: string,
  store: Store,
  options: ImportOptions,
  readsAll: boolean,
): Promise<Imported> {
  const { known } = options;
  const pass = new ImportPass(store.blobs, options);
  const tree = known?.trees?.begin(path);
  const diskOptions = {
    ...options,
    reusesBuffer: true,
    ...(tree && { witness: tree.witness }),
  };
  const batches =
    known === undefined || readsAll
      ? treeFromDisk(path, diskOptions)
      : changesFromDisk(path, known.files, diskOptions);
  const node = await putTree(pass.follow(batches), store, {
    ...options,
    onStored: ({ identity }, digest) => {
      if (identity !== undefined) known?.files.add(identity, digest);
    },
  });
  await tree?.remember(node);
  const calculation = pass.finish();
  if (calculation === undefined)
    return {
      node,
      ...(await known!.narCalculation.calculateNar(node, options)),
    };
  await known?.narCalculation.learn?.(node, calculation);
  return { node, ...calculation };
}

async function putTree(
  events: IngestEvents,
  store: Store,
  options: ImportOptions & IngestOptions,
): Promise<Node> {
  const upload = options.openUpload?.();
  if (upload === undefined) return ingestTree(events, store, options);
  let node: Node;
  try {
    // What is let in is on its way; further batches would only wait for room.
    node = await ingestTree(events, upload, { ...options, batchesUnderWay: 2 });
  } catch (error) {
    // What was put has no name; the failure is told already.
    upload.finish().catch(() => {});
    throw error;
  }
  await upload.finish();
  return node;
}

function assertStorePathName(name: string, path: string): void {
  try {
    StorePath.fromNameAndDigest(name, new Uint8Array(20));
  } catch (cause) {
    throw new StoreError(
      'store/invalid-store-path-name',
      `${JSON.stringify(name)} can't be the name of a store path: letters, digits and +-_?=. only, no dot in front, at most 211`,
      { cause, details: { name, path } },
    );
  }
}

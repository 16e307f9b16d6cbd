import {
  B3Digest,
  Directory,
  pathComponent,
  symlinkTarget,
} from '@tvix/castore';
import type { BlobService, DirectoryService, Node } from '@tvix/castore';

export const DUMMY_DIGEST: B3Digest = B3Digest.fromBytes(new Uint8Array(32));
export const DUMMY_OUTPUT_HASH = new Uint8Array(20);
export const DUMMY_NAME = '00000000000000000000000000000000-dummy';

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

export function fromHex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'hex'));
}

export async function collect(
  chunks: AsyncIterable<Uint8Array>,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return new Uint8Array(Buffer.concat(parts));
}

/** The blobs of the reference's tests. */
export const BLOBS = {
  empty: new Uint8Array(0),
  helloWorld: utf8('Hello World!'),
  blobA: Uint8Array.of(0, 1),
  blobB: new Uint8Array(255 * 4096).map((_, i) => i % 255),
  oneByte: Uint8Array.of(1),
} as const;

const SOMEWHERE_ELSE = '/nix/store/somewhereelse';

/** The trees of the reference's tests. */
export type TreeName =
  | 'symlink'
  | 'helloWorld'
  | 'helloWorldExecutable'
  | 'emptyFile'
  | 'emptyDirectory'
  | 'withKeep'
  | 'complicated'
  | 'oneByte'
  | 'oneByteExecutable'
  | 'blobA'
  | 'blobB'
  | 'popdirectories';

/** Stores one of the reference's trees and answers with its root. */
export async function storeTree(
  name: TreeName,
  { blobs, directories }: { blobs: BlobService; directories: DirectoryService },
): Promise<Node> {
  const file = async (
    contents: Uint8Array,
    executable = false,
  ): Promise<Node> => {
    const [digest] = await blobs.putMany([contents]);
    return {
      type: 'file',
      digest: digest!,
      size: BigInt(contents.length),
      executable,
    };
  };
  const directory = async (entries: Record<string, Node>): Promise<Node> => {
    const made = Directory.fromEntries(
      Object.entries(entries).map(([entry, node]) => ({
        name: pathComponent(entry),
        node,
      })),
    );
    await directories.put(made);
    return { type: 'directory', digest: made.digest, size: made.size };
  };
  const symlink: Node = {
    type: 'symlink',
    target: symlinkTarget(SOMEWHERE_ELSE),
  };
  const withKeep = async (): Promise<Node> =>
    directory({ '.keep': await file(BLOBS.empty) });

  switch (name) {
    case 'symlink':
      return symlink;
    case 'helloWorld':
      return file(BLOBS.helloWorld);
    case 'helloWorldExecutable':
      return file(BLOBS.helloWorld, true);
    case 'emptyFile':
      return file(BLOBS.empty);
    case 'emptyDirectory':
      return directory({});
    case 'withKeep':
      return withKeep();
    case 'complicated':
      return directory({
        '.keep': await file(BLOBS.empty),
        aa: symlink,
        keep: await withKeep(),
      });
    case 'oneByte':
      return file(BLOBS.oneByte);
    case 'oneByteExecutable':
      return file(BLOBS.oneByte, true);
    case 'blobA':
      return file(BLOBS.blobA);
    case 'blobB':
      return file(BLOBS.blobB);
    case 'popdirectories': {
      const empty = await directory({});
      return directory({
        test: await directory({ tested: empty }),
        tested: empty,
      });
    }
  }
}

/** Stores directories that stand twice in each other: a tree of as many entries as no listing and no archive ends with. */
export async function storeEndlessTree(
  directories: Pick<DirectoryService, 'put'>,
  levels = 30,
): Promise<Node> {
  let directory = Directory.fromEntries([]);
  for (let depth = 0; ; depth++) {
    await directories.put(directory);
    const { digest, size } = directory;
    const node: Node = { type: 'directory', digest, size };
    if (depth === levels) return node;
    directory = Directory.fromEntries(
      ['a', 'b'].map((name) => ({ name: pathComponent(name), node })),
    );
  }
}

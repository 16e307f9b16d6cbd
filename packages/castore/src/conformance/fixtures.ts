import { B3Digest } from '../digest/b3-digest.ts';
import { Directory } from '../node/directory.ts';
import type { NamedNode } from '../node/node.ts';
import { symlinkTarget } from '../node/symlink-target.ts';
import { pathComponent } from '../path/path-component.ts';

/** A blob with the digest that every implementation must find. */
export interface BlobFixture {
  readonly name: string;
  readonly contents: Uint8Array;
  readonly digest: B3Digest;
}

function blob(
  name: string,
  contents: Uint8Array | readonly number[],
  hex: string,
): BlobFixture {
  const digest = B3Digest.parse(hex);
  return { name, contents: Uint8Array.from(contents), digest };
}

function text(contents: string): Uint8Array {
  return new TextEncoder().encode(contents);
}

export const EMPTY_BLOB: BlobFixture = blob(
  'empty',
  [],
  'af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262',
);
export const HELLO_WORLD: BlobFixture = blob(
  'hello world',
  text('Hello World!'),
  '5ca7815adcb484e9a136c11efe69c1d530176d549b5d18d038eb5280b4b3470c',
);
export const BLOB_A: BlobFixture = blob(
  'A, two bytes',
  [0, 1],
  '7b7015bb92cf0b318037702a6cdd81dee41224f734684c2c122cd6359cb1ee63',
);
/** 4,096 times the bytes from 0 to 254: 1,044,480 bytes. */
export const BLOB_B: BlobFixture = blob(
  'B, about a MiB',
  Uint8Array.from({ length: 255 * 4096 }, (_, i) => i % 255),
  'a82c5154a7a0c262c6fdb929a317585646f8fbcf80326d0a7b8747edaf2d99d2',
);

/** Blobs with known digests. */
export const BLOBS: readonly BlobFixture[] = [
  EMPTY_BLOB,
  HELLO_WORLD,
  BLOB_A,
  BLOB_B,
  blob(
    'three bytes',
    [1, 2, 3],
    'b177ec1bf26dfb3b7010d473e6d44713b29b765b99c6e60ecbfae742de496543',
  ),
  blob(
    'two bytes more',
    [4, 5],
    '5f805527aa94f2a9a3a782cad8cc18b63cf6017e7bc65ca96aeada8392d4c525',
  ),
  blob(
    'one byte',
    [1],
    '48fc721fbbc172e0925fa27af1671de225ba927134802998b10a1568a188652b',
  ),
  blob(
    'a system',
    text('x86_64-linux'),
    '28e337fc81c4c7b61f227027949a4012561ecead12c67f5f473ef1b8297035f0',
  ),
];

/** A directory with the digest and the encoding that every implementation must find. */
export interface DirectoryFixture {
  readonly name: string;
  readonly directory: Directory;
  readonly digest: B3Digest;
  readonly encoded: Uint8Array;
}

function directory(
  name: string,
  nodes: readonly NamedNode[],
  digestHex: string,
  encodedHex: string,
): DirectoryFixture {
  return {
    name,
    directory: Directory.fromEntries(nodes),
    digest: B3Digest.parse(digestHex),
    encoded: Uint8Array.from(Buffer.from(encodedHex, 'hex')),
  };
}

/** A reference to a directory, under a name. */
export function directoryEntry(name: string, child: Directory): NamedNode {
  const { digest, size } = child;
  return {
    name: pathComponent(name),
    node: { type: 'directory', digest, size },
  };
}

const KEEP: NamedNode = {
  name: pathComponent('.keep'),
  node: {
    type: 'file',
    digest: EMPTY_BLOB.digest,
    size: 0n,
    executable: false,
  },
};

export const DIRECTORY_A: DirectoryFixture = directory(
  'A, empty',
  [],
  'af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262',
  '',
);
export const DIRECTORY_B: DirectoryFixture = directory(
  'B, with A',
  [directoryEntry('a', DIRECTORY_A.directory)],
  '8701f4722d8dae7f2c40fa003331b8437a3825f9e1bfd3a77998c64cc226b9cc',
  '0a250a01611220af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262',
);
export const DIRECTORY_C: DirectoryFixture = directory(
  'C, with A twice',
  [
    directoryEntry('a', DIRECTORY_A.directory),
    directoryEntry("a'", DIRECTORY_A.directory),
  ],
  '78eb200ae0cc95d4ea954655fbcf91e285013a261310e161927f2401d2bca803',
  '0a250a01611220af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f32620a260a0261271220af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262',
);
export const DIRECTORY_WITH_KEEP: DirectoryFixture = directory(
  'with an empty file',
  [KEEP],
  '8b5b5d642b646bb8ed504b0862c39413e87e57491497de7bd075953f7b83810e',
  '12290a052e6b6565701220af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262',
);
export const DIRECTORY_COMPLICATED: DirectoryFixture = directory(
  'complicated: a file, a link and a directory',
  [
    KEEP,
    {
      name: pathComponent('aa'),
      node: {
        type: 'symlink',
        target: symlinkTarget('/nix/store/somewhereelse'),
      },
    },
    directoryEntry('keep', DIRECTORY_WITH_KEEP.directory),
  ],
  '3f951a15afd586fb3121ef4d13d582e811ce0e5a7f21c0497fd87490e9e2355a',
  '0a2a0a046b65657012208b5b5d642b646bb8ed504b0862c39413e87e57491497de7bd075953f7b83810e180112290a052e6b6565701220af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f32621a1e0a02616112182f6e69782f73746f72652f736f6d657768657265656c7365',
);
/** Its child `foo` is A, of which it claims a size of 42. */
export const DIRECTORY_WRONG_SIZE: DirectoryFixture = directory(
  'with a wrong size of its child',
  [
    {
      name: pathComponent('foo'),
      node: { type: 'directory', digest: DIRECTORY_A.digest, size: 42n },
    },
  ],
  'd47aaf4b9d72c5dd171756901a9829aeceff01be2175c2d9744239c72a5a572e',
  '0a290a03666f6f1220af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262182a',
);

/** Directories with known digests. */
export const DIRECTORIES: readonly DirectoryFixture[] = [
  DIRECTORY_A,
  DIRECTORY_B,
  DIRECTORY_C,
  DIRECTORY_WITH_KEEP,
  DIRECTORY_COMPLICATED,
  DIRECTORY_WRONG_SIZE,
];

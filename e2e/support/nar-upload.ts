import { expect } from '@jest/globals';
import { createHash } from 'node:crypto';
import { request } from 'node:http';
import { seededBytes } from './trees.ts';

const BASE32 = '0123456789abcdfghijklmnpqrsvwxyz';

/** What a client uploads: a NAR and its narinfo, under the names that they get. */
export interface UploadedPath {
  readonly name: string;
  readonly nar: Buffer;
  readonly narPath: string;
  readonly narInfo: Buffer;
  readonly narInfoPath: string;
}

/** A path with one file of that length, other for each seed, and what it refers to. */
export function pathToUpload(
  seed: number,
  length: number,
  references: readonly UploadedPath[] = [],
): UploadedPath {
  const nar = narOfFile(seededBytes(seed, length));
  const narHash = nixBase32(createHash('sha256').update(nar).digest());
  const hashPart = nixBase32(
    createHash('sha256').update(`path ${seed}`).digest().subarray(0, 20),
  );
  const name = `${hashPart}-path-${seed}`;
  const narPath = `/nar/${narHash}.nar`;
  const narInfo = Buffer.from(
    `StorePath: /nix/store/${name}\nURL: ${narPath.slice(1)}\nCompression: none\nFileHash: sha256:${narHash}\nFileSize: ${nar.length}\nNarHash: sha256:${narHash}\nNarSize: ${nar.length}\nReferences: ${references.map((path) => path.name).join(' ')}\n`,
  );
  return { name, nar, narPath, narInfo, narInfoPath: `/${hashPart}.narinfo` };
}

/**
 * Uploads a body and answers the status; fails where the connection does. With `dieAfter`, the connection is cut once so
 * many bytes were written.
 */
export function put(
  port: number,
  path: string,
  body: Buffer,
  {
    dieAfter = Infinity,
    headers = {},
  }: {
    readonly dieAfter?: number;
    readonly headers?: Readonly<Record<string, string>>;
  } = {},
): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = request({
      host: '127.0.0.1',
      port,
      path,
      method: 'PUT',
      agent: false,
      headers: { ...headers, 'Content-Length': body.length },
    });
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode!));
      response.on('error', reject);
    });
    if (dieAfter >= body.length) return void outgoing.end(body);
    outgoing.write(body.subarray(0, dieAfter), () => {
      outgoing.destroy();
      reject(new Error('the client died'));
    });
  });
}

/** Whether a path is there; where it is, all of it has to be. */
export async function isWhole(
  port: number,
  path: UploadedPath,
): Promise<boolean> {
  const base = `http://127.0.0.1:${port}`;
  const answer = await fetch(`${base}${path.narInfoPath}`);
  const text = await answer.text();
  if (answer.status === 404) return false;
  expect(answer.status).toBe(200);
  const url = /^URL: (.*)$/m.exec(text)![1]!;
  const nar = await fetch(`${base}/${url}`);
  const bytes = Buffer.from(await nar.arrayBuffer());
  const sha256 = (of: Buffer): string =>
    createHash('sha256').update(of).digest('hex');
  expect(sha256(bytes)).toBe(sha256(path.nar));
  return true;
}

function narOfFile(contents: Buffer): Buffer {
  const str = (value: string | Buffer): Buffer => {
    const bytes = Buffer.from(value);
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(bytes.length));
    return Buffer.concat([length, bytes, Buffer.alloc(-bytes.length & 7)]);
  };
  return Buffer.concat([
    ...['nix-archive-1', '(', 'type', 'regular', 'contents'].map(str),
    str(contents),
    str(')'),
  ]);
}

function nixBase32(bytes: Buffer): string {
  let text = '';
  for (let at = Math.ceil((bytes.length * 8) / 5) - 1; at >= 0; at--) {
    const bit = at * 5;
    const pair = bytes[bit >> 3]! | ((bytes[(bit >> 3) + 1] ?? 0) << 8);
    text += BASE32[(pair >> (bit & 7)) & 31]!;
  }
  return text;
}

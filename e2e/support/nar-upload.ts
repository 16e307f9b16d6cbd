import { createHash } from 'node:crypto';
import { request } from 'node:http';
import { seededBytes } from './trees.ts';

const BASE32 = '0123456789abcdfghijklmnpqrsvwxyz';

/** What a client uploads: a NAR and its narinfo, under the names that they get. */
export interface UploadedPath {
  readonly nar: Buffer;
  readonly narPath: string;
  readonly narInfo: Buffer;
  readonly narInfoPath: string;
}

/** A path with one file of that length, other for each seed. */
export function pathToUpload(seed: number, length: number): UploadedPath {
  const nar = narOfFile(seededBytes(seed, length));
  const narHash = nixBase32(createHash('sha256').update(nar).digest());
  const hashPart = nixBase32(
    createHash('sha256').update(`path ${seed}`).digest().subarray(0, 20),
  );
  const narPath = `/nar/${narHash}.nar`;
  const narInfo = Buffer.from(
    `StorePath: /nix/store/${hashPart}-path-${seed}\nURL: ${narPath.slice(1)}\nCompression: none\nFileHash: sha256:${narHash}\nFileSize: ${nar.length}\nNarHash: sha256:${narHash}\nNarSize: ${nar.length}\nReferences: \n`,
  );
  return { nar, narPath, narInfo, narInfoPath: `/${hashPart}.narinfo` };
}

/**
 * Uploads a body and answers the status; fails where the connection does. With `dieAfter`, the connection is cut once so
 * many bytes were written.
 */
export function put(
  port: number,
  path: string,
  body: Buffer,
  dieAfter = Infinity,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = request({
      host: '127.0.0.1',
      port,
      path,
      method: 'PUT',
      agent: false,
      headers: { 'Content-Length': body.length },
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

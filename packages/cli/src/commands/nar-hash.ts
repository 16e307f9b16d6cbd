import { createHash } from 'node:crypto';
import { treeFromDiskSync } from '@tvix/castore';
import { isHashAlgo, NarWriter, NixHash } from '@tvix/nar';
import type { HashAlgo } from '@tvix/nar';
import type { Command } from '../command.ts';
import { CliError } from '../errors.ts';

/** Prints the hash of the archive that each path on disk makes. */
export const narHash: Command = async (
  { output, json, progress },
  { operands, options },
) => {
  const algo = String(options['type']);
  if (!isHashAlgo(algo))
    throw new CliError(
      'cli/usage',
      `unknown hash algorithm: "${algo}" (expected md5, sha1, sha256 or sha512)`,
    );
  for (const path of operands) {
    const { narHash, narSize } = hashOf(path, algo, (bytes) =>
      progress.report(path, { files: 0, bytes }),
    );
    if (json) await output.json({ path, narHash, narSize });
    else await output.line(narHash);
  }
};

function hashOf(
  path: string,
  algo: HashAlgo,
  onProgress: (bytes: number) => void,
): { readonly narHash: string; readonly narSize: number } {
  const hash = createHash(algo);
  const writer = new NarWriter();
  const update = (): void => {
    for (const chunk of writer.take()) hash.update(chunk);
    onProgress(writer.bytesWritten);
  };
  for (const batch of treeFromDiskSync(path)) {
    for (const event of batch) writer.write(event);
    update();
  }
  writer.finish();
  update();
  return {
    narHash: NixHash.from(algo, hash.digest()).toSri(),
    narSize: writer.bytesWritten,
  };
}

import type { B3Digest, BlobService } from '@tvix/castore';
import { CliError } from './errors.ts';
import type { Output } from './output.ts';

/**
 * Writes a blob to the output.
 *
 * @throws CliError `cli/not-found`
 */
export async function writeBlob(
  blobs: Pick<BlobService, 'openRead'>,
  digest: B3Digest,
  output: Output,
): Promise<void> {
  await using reader = await blobs.openRead(digest);
  if (reader === undefined)
    throw new CliError(
      'cli/not-found',
      `the store has no blob ${digest.toString()}`,
    );
  for await (const chunk of reader.read()) await output.write([chunk]);
}

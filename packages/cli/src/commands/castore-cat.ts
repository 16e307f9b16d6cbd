import { B3Digest } from '@tvix/castore';
import type { Command } from '../command.ts';
import { withStoreToRead } from '../with-store.ts';
import { writeBlob } from '../write-blob.ts';

/** Prints a blob by its digest. */
export const castoreCat: Command = async (context, { operands }) => {
  const digest = B3Digest.parse(operands[0] ?? '');
  await withStoreToRead(context, ({ blobs }) =>
    writeBlob(blobs, digest, context.output),
  );
};

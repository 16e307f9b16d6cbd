/** The body of a compression thread: a batch in, a batch out, their memory handed over both ways. */
import { parentPort, workerData } from 'node:worker_threads';
import { type CompressionBatch, compressBatch } from './compress-batch.ts';
import { createMinorCollection } from '../../heap/minor-collection.ts';
import { openZstd } from './zstd.ts';

const { level } = workerData as { readonly level: number };
const port = parentPort!;
const zstd = await openZstd();
const collectMinor = createMinorCollection();

/** A batch is about a MiB. */
const BATCHES_A_COLLECTION = 4;
let batches = 0;

port.on('message', (batch: CompressionBatch) => {
  const result = compressBatch(zstd, level, batch);
  port.postMessage(result, [
    result.slab.buffer,
    result.codecs.buffer,
    result.storedLengths.buffer,
    result.crcs.buffer,
  ]);
  batches += 1;
  if (batches % BATCHES_A_COLLECTION === 0) collectMinor();
});

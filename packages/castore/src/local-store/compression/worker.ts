/** The body of a compression thread: a batch in, a batch out, their memory handed over both ways. */
import { parentPort, workerData } from 'node:worker_threads';
import { type CompressionBatch, compressBatch } from './compress-batch.ts';
import { openZstd } from './zstd.ts';

const { level } = workerData as { readonly level: number };
const port = parentPort!;
const zstd = await openZstd();

port.on('message', (batch: CompressionBatch) => {
  const result = compressBatch(zstd, level, batch);
  port.postMessage(result, [
    result.slab.buffer,
    result.codecs.buffer,
    result.storedLengths.buffer,
    result.crcs.buffer,
  ]);
});

/** The body of a compression thread: a batch in, what became of it out; the payloads stay where they are. */
import { parentPort, workerData } from 'node:worker_threads';
import { type CompressionBatch, compressBatch } from './compress-batch.ts';
import { openZstd } from './open-zstd.ts';

const { level } = workerData as { readonly level: number };
const port = parentPort!;
const zstd = await openZstd();

port.on('message', (batch: CompressionBatch) => {
  port.postMessage(compressBatch(zstd, level, batch));
});

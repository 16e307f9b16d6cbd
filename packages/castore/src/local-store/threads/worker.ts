/** The body of a store's thread: a batch in, what became of it out; the payloads stay where they are. */
import { parentPort, workerData } from 'node:worker_threads';
import { compressBatch } from '../compression/compress-batch.ts';
import { openZstd } from '../compression/open-zstd.ts';
import { readBatch } from '../read/read-batch.ts';
import type { ThreadQuestion } from './store-threads.ts';

const { level } = workerData as { readonly level: number };
const port = parentPort!;
const zstd = await openZstd();

port.on('message', ({ type, batch }: ThreadQuestion) => {
  port.postMessage(
    type === 'compress'
      ? compressBatch(zstd, level, batch)
      : readBatch(zstd, batch),
  );
});

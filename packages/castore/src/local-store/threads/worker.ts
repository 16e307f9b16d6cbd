/** The body of a store's thread: a batch in, what became of it out; the payloads stay where they are. */
import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { compressBatch } from '../compression/compress-batch.ts';
import { openZstd } from '../compression/open-zstd.ts';
import { readBatch } from '../read/read-batch.ts';
import type { ThreadQuestion, ThreadSettings } from './store-threads.ts';

const { level, niceness } = workerData as ThreadSettings;
const port = parentPort!;
const zstd = await openZstd();

// To Linux, 0 is the calling thread; elsewhere it is the whole process.
if (niceness > 0 && process.platform === 'linux') setPriority(0, niceness);

port.on('message', ({ type, batch }: ThreadQuestion) => {
  port.postMessage(
    type === 'compress'
      ? compressBatch(zstd, level, batch)
      : readBatch(zstd, batch),
  );
});

/** The body of a thread that unpacks files: files in, NARs out. */
import { parentPort } from 'node:worker_threads';
import { FileInThread } from './file-in-thread.ts';
import { OutputMemory } from './output-memory.ts';
import type { FromThread, ToThread } from './thread-messages.ts';

const port = parentPort!;
const memory = new OutputMemory();
const files = new Map<number, FileInThread>();
const tell = (message: FromThread): void =>
  port.postMessage(
    message,
    message.type === 'output' ? [message.bytes.buffer] : [],
  );

port.on('message', (message: ToThread) => {
  const { id } = message;
  switch (message.type) {
    case 'open': {
      const file = new FileInThread(id, message.messageBytes, memory, tell);
      files.set(id, file);
      void file.unpack(message.options).finally(() => files.delete(id));
      return;
    }
    case 'input':
      files.get(id)?.push(message.pieces, message.isLast);
      return;
    case 'free':
      // Also of a file that is done with.
      memory.give(message.memory);
      files.get(id)?.freed();
      return;
    case 'cancel':
      files.get(id)?.cancel();
  }
});

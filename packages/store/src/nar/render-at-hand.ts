import { setImmediate as turnOfOthers } from 'node:timers/promises';
import { readFile, walkTree } from '@tvix/castore';
import type { BlobService, CallOptions, Node, StoredFile } from '@tvix/castore';
import type { NarWriter } from '@tvix/nar';
import { RENDER_BUFFER_BYTES } from './render-buffers.ts';
import type { RenderSource } from './render-source.ts';
import { writeEvent } from './write-events.ts';

/** After so long, what there is is handed on, and others have their turn. */
const TURN_MS = 4;

/**
 * The archive of a tree whose blobs lie here: files are read to their places in it, no longer than a turn at a time. What
 * doesn't fit a buffer, or lies in several pieces, is read as from anywhere else.
 */
export async function* renderAtHand(
  writer: NarWriter,
  node: Node,
  { blobs, directories }: RenderSource,
  options: CallOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  let turnEnds = performance.now() + TURN_MS;
  let name: Uint8Array | undefined;
  for await (const events of walkTree(node, directories, options)) {
    for (const event of events) {
      if (event.type !== 'stored') {
        if (event.type === 'entry') ({ name } = event);
        writeEvent(writer, event);
        continue;
      }
      options.signal?.throwIfAborted();
      writer.regular(event.executable, event.size);
      if (!putWhole(writer, event, blobs)) {
        for await (const bytes of readFile(event, blobs, {
          ...options,
          name,
        })) {
          writer.data(bytes);
          yield* writer.take();
        }
      }
      const isOver = performance.now() > turnEnds;
      if (isOver) writer.flush();
      for (const piece of writer.take()) yield piece;
      if (isOver) {
        await turnOfOthers();
        turnEnds = performance.now() + TURN_MS;
      }
    }
  }
}

/** Reads a file to its place in the archive, where that can be done at once. */
function putWhole(
  writer: NarWriter,
  { digest, size }: StoredFile,
  blobs: Pick<BlobService, 'readWhole'>,
): boolean {
  if (size === 0n) return blobs.readWhole!(digest, NOTHING);
  const length = size <= RENDER_BUFFER_BYTES ? Number(size) : undefined;
  const room = length && writer.room(length);
  if (!room || !blobs.readWhole!(digest, room)) return false;
  writer.filled(room.length);
  return true;
}

const NOTHING = new Uint8Array(0);

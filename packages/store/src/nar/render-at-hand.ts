import { setImmediate as turnOfOthers } from 'node:timers/promises';
import { readFile, walkTree } from '@tvix/castore';
import type { Node } from '@tvix/castore';
import { NarWriter } from '@tvix/nar';
import { PartsAhead } from './parts-ahead.ts';
import type { RenderOptions, RenderSource } from './render-source.ts';
import { writeEvent } from './write-events.ts';

/** After so long, what there is is handed on, and others have their turn. */
const TURN_MS = 4;

/** After so many names without a file, too: a tree may have nothing else. */
const NAMES_AT_ONCE = 512;

/**
 * The archive of a tree whose blobs lie here: files are read to their places in it, no longer than a turn at a time. What
 * doesn't fit a buffer, or lies in several pieces, is read as from anywhere else.
 */
export async function* renderAtHand(
  node: Node,
  { blobs, directories }: RenderSource,
  { signal, buffers }: RenderOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const options = signal === undefined ? {} : { signal };
  const parts = new PartsAhead(blobs, buffers);
  const writer = new NarWriter({ allocate: () => parts.allocate() });
  let turnEnds = performance.now() + TURN_MS;
  let name: Uint8Array | undefined;
  let names = 0;
  try {
    for await (const events of walkTree(node, directories, options)) {
      for (const event of events) {
        if (event.type !== 'stored') {
          if (event.type === 'entry') ({ name } = event);
          writeEvent(writer, event);
          if (++names < NAMES_AT_ONCE) continue;
        } else {
          parts.collect(writer);
          writer.regular(event.executable, event.size);
          if (!parts.put(writer, event)) {
            writer.flush();
            parts.collect(writer);
            while (!parts.isEmpty)
              for (const piece of await parts.next()) yield piece;
            for await (const bytes of readFile(event, blobs, {
              ...options,
              name,
            })) {
              writer.data(bytes);
              yield* writer.take();
            }
          }
        }
        names = 0;
        signal?.throwIfAborted();
        const isOver = performance.now() > turnEnds;
        if (isOver && !parts.isAhead) writer.flush();
        parts.collect(writer);
        while (parts.isDue) for (const piece of await parts.next()) yield piece;
        if (isOver) {
          await turnOfOthers();
          turnEnds = performance.now() + TURN_MS;
        }
      }
    }
    writer.finish();
    parts.collect(writer);
    while (!parts.isEmpty) for (const piece of await parts.next()) yield piece;
  } finally {
    // Not waited for: who takes no more wants no more.
    void parts.letGo();
  }
}

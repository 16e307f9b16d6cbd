import type { NarEvent } from '../../src/event.ts';
import { NarParser, type NarParserOptions } from '../../src/parse.ts';
import { NarWriter } from '../../src/write.ts';

/** The events of an archive that arrives in these pieces, with the pieces of each file's contents joined. */
export function read(
  pieces: Iterable<Uint8Array>,
  options?: NarParserOptions,
): NarEvent[] {
  const parser = new NarParser(options);
  const events: NarEvent[] = [];
  for (const piece of pieces) {
    for (const event of parser.push(piece)) {
      const last = events.at(-1);
      if (event.type === 'data' && last?.type === 'data') {
        events[events.length - 1] = {
          type: 'data',
          bytes: Uint8Array.from(Buffer.concat([last.bytes, event.bytes])),
        };
      } else if (event.type === 'regular') {
        events.push({
          type: 'regular',
          executable: event.executable,
          size: event.size,
        });
      } else {
        events.push(
          event.type === 'data'
            ? { type: 'data', bytes: event.bytes.slice() }
            : event,
        );
      }
    }
  }
  parser.finish();
  return events;
}

/** The archive that events make. */
export function write(events: Iterable<NarEvent>): Uint8Array {
  const writer = new NarWriter();
  for (const event of events) writer.write(event);
  writer.finish();
  return Uint8Array.from(Buffer.concat(writer.take()));
}

/** `bytes` cut at the given offsets, ascending. */
export function cut(
  bytes: Uint8Array,
  ...offsets: readonly number[]
): Uint8Array[] {
  const bounds = [0, ...offsets, bytes.length];
  return bounds.slice(1).map((end, i) => bytes.subarray(bounds[i], end));
}

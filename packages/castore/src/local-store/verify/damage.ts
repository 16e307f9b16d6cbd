import type { B3Digest } from '../../digest/b3-digest.ts';
import type { RecordFault } from '../read/quiet-reader.ts';

/** What is damaged, and how. */
export interface Damage {
  /**
   * - `index`: an entry or all of it; nothing is lost, it is made again from the packs.
   * - `pack`: its header or its footer; nothing is lost.
   * - `table-entry`, `chunk`, `recipe`, `directory`: a record.
   */
  readonly what:
    'index' | 'pack' | 'table-entry' | 'chunk' | 'recipe' | 'directory';
  /** `incomplete`: the record is sound, and something that it leads to isn't stored. */
  readonly fault: RecordFault | 'incomplete';
  /** Of a chunk, a recipe (that of its blob) or a directory. */
  readonly digest: B3Digest | undefined;
  /** The number of the pack. */
  readonly pack: number | undefined;
  readonly message: string;
}

/** The index, or a part of it, can't be believed. */
export function indexDamage(message: string, cause?: unknown): Damage {
  const reason = (cause as { message?: unknown } | undefined)?.message;
  return {
    what: 'index',
    fault: 'wrong',
    digest: undefined,
    pack: undefined,
    message: reason === undefined ? message : `${message}: ${String(reason)}`,
  };
}

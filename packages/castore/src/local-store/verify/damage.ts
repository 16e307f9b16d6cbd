import type { B3Digest } from '../../digest/b3-digest.ts';
import type { RecordFault } from '../quiet-reader.ts';

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

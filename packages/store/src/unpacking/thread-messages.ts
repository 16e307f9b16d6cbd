import type { StoreErrorOptions, StoreErrorCode } from '../errors.ts';
import type { Compression } from '../compression/compression.ts';
import type { FileOutcome, UnpackOptions } from './packed-file.ts';

/** What a thread is told. Files are told apart by numbers. */
export type ToThread =
  | {
      readonly type: 'open';
      readonly id: number;
      readonly options: UnpackOptions;
      /** As much comes back at a time. */
      readonly messageBytes: number;
    }
  /** The next bytes of a file, whose memory goes over to the thread. */
  | {
      readonly type: 'input';
      readonly id: number;
      readonly pieces: readonly Uint8Array[];
      readonly isLast: boolean;
    }
  /** Memory that was used, back again. */
  | { readonly type: 'free'; readonly id: number; readonly memory: ArrayBuffer }
  /** Nobody wants the rest of a file. */
  | { readonly type: 'cancel'; readonly id: number };

/** What a thread tells. */
export type FromThread =
  /** So many bytes of a file were taken in: there is room for more. */
  | { readonly type: 'taken'; readonly id: number; readonly bytes: number }
  /** The next of what is in a file. */
  | {
      readonly type: 'output';
      readonly id: number;
      /** In memory that goes over, and is wanted back. */
      readonly bytes: Uint8Array<ArrayBuffer>;
      readonly compression: Compression;
    }
  | {
      readonly type: 'done';
      readonly id: number;
      readonly outcome: FileOutcome;
    }
  | { readonly type: 'failed'; readonly id: number; readonly failure: Failure };

/** An error that crosses over. */
export type Failure =
  | {
      readonly code: StoreErrorCode;
      readonly message: string;
      readonly options: StoreErrorOptions;
    }
  | { readonly code?: undefined; readonly error: unknown };

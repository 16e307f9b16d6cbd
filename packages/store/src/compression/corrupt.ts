import { StoreError } from '../errors.ts';

/** What a decoder throws where the data breaks its format. */
export function corrupt(what: string, cause?: unknown): StoreError {
  return new StoreError(
    'store/corrupt-compression',
    what,
    cause === undefined ? {} : { cause },
  );
}

/** What a decoder throws where the data ends too early. */
export function cutOff(): StoreError {
  return corrupt('the compressed data is cut off');
}

/** What a decoder throws where the data asks for more memory than it gets. */
export function windowTooLarge(
  found: number | undefined,
  limit: number,
): StoreError {
  return new StoreError(
    'store/limit-exceeded',
    `the compressed data needs a window of ${found === undefined ? '' : `${found} bytes, `}more than ${limit} bytes`,
    { details: { found, limit } },
  );
}

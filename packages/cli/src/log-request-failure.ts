import type { RequestFailure } from '@tvix/fs/fuse';
import type { Logger } from './logging.ts';

/** Logs why a program that reads a mount was told of an I/O error, which by itself says nothing. */
export function logRequestFailure(
  logger: Logger,
): (failure: RequestFailure) => void {
  return ({ operation, error, omitted }) =>
    logger.error(
      { err: error, operation, ...(omitted > 0 && { omitted }) },
      'a read of the mounted tree failed',
    );
}

import type { BlobService, CallOptions, ReadTreeServices } from '@tvix/castore';
import type { RenderBuffers } from './render-buffers.ts';

/** What an archive is rendered from. */
export interface RenderSource extends ReadTreeServices {
  readonly blobs: ReadTreeServices['blobs'] &
    Pick<BlobService, 'readWhole' | 'openFiller'>;
}

/** How an archive is rendered. */
export interface RenderOptions extends CallOptions {
  /**
   * Where pieces lie. Whoever gives these gives each piece back once done with it: parts of an archive are filled ahead
   * then.
   */
  readonly buffers?: RenderBuffers | undefined;
}

import type { BlobService, ReadTreeServices } from '@tvix/castore';

/** What an archive is rendered from. */
export interface RenderSource extends ReadTreeServices {
  readonly blobs: ReadTreeServices['blobs'] & Pick<BlobService, 'readWhole'>;
}

import type { BlobService } from '../blob-service/blob-service.ts';
import type { B3Digest } from '../digest/b3-digest.ts';
import type { Suite } from './runner.ts';

/** A suite for blob services. */
export type BlobSuite = Suite<BlobService, B3Digest>;

import type { BlobService } from '../blob-service/blob-service.ts';
import type { B3Digest } from '../digest/b3-digest.ts';
import { blobBatches } from './blob-batches.ts';
import { blobFailures } from './blob-failures.ts';
import { blobParts } from './blob-parts.ts';
import { blobWholes } from './blob-wholes.ts';
import { blobReading } from './blob-reading.ts';
import type { BlobSuite } from './blob-suite.ts';
import { blobWriting } from './blob-writing.ts';
import { Suite } from './runner.ts';
import type { ConformanceSubject, TestRunner } from './runner.ts';

/** A blob service to be proven. */
export type BlobServiceSubject = ConformanceSubject<BlobService, B3Digest>;

/** Declares what every blob service must do, as tests of a runner. */
export function runBlobServiceConformance(
  runner: TestRunner,
  subject: BlobServiceSubject,
): void {
  const suite: BlobSuite = new Suite(runner, subject);
  suite.declare('BlobService', [
    blobWriting,
    blobReading,
    blobParts,
    blobWholes,
    blobBatches,
    blobFailures,
  ]);
}

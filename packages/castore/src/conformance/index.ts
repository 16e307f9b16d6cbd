/** For those who prove a backend: the suites, and what they need to know of it. */
export { runBlobServiceConformance } from './blob-service.ts';
export type { BlobServiceSubject } from './blob-service.ts';
export { runDirectoryServiceConformance } from './directory-service.ts';
export type { DirectoryServiceSubject } from './directory-service.ts';
export type { ConformanceSubject, TestRunner } from './runner.ts';

/** For suites of services that are built upon these. */
export { Suite } from './runner.ts';

/** For tests of what is built upon a backend: known values, repeatable bytes, and services that fail as told. */
export {
  BLOB_A,
  BLOB_B,
  BLOBS,
  DIRECTORIES,
  DIRECTORY_A,
  DIRECTORY_B,
  DIRECTORY_C,
  DIRECTORY_COMPLICATED,
  DIRECTORY_WITH_KEEP,
  DIRECTORY_WRONG_SIZE,
  EMPTY_BLOB,
  HELLO_WORLD,
} from './fixtures.ts';
export type { BlobFixture, DirectoryFixture } from './fixtures.ts';
export { SeededRandom, seededBytes } from './random.ts';
export { failAt, stallAt } from './faults.ts';
export type { Fault } from './fault.ts';
export type { Stall } from './faults.ts';
export { FaultyBlobService } from './faulty-blob-service.ts';
export type { BlobCall, BlobFaults } from './faulty-blob-service.ts';
export { FaultyDirectoryService } from './faulty-directory-service.ts';
export type { DirectoryCall } from './faulty-directory-service.ts';

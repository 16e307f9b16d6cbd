import type { Suite } from '@tvix/castore/conformance';
import type { PathInfoService } from '../path-info-service/path-info-service.ts';

/** A suite for path info services; digests are output hashes. */
export type PathInfoSuite = Suite<PathInfoService, Uint8Array>;

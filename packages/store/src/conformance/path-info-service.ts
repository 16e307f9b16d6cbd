import { Suite } from '@tvix/castore/conformance';
import type { ConformanceSubject, TestRunner } from '@tvix/castore/conformance';
import type { PathInfoService } from '../path-info-service/path-info-service.ts';
import { pathInfoDeleting } from './path-info-deleting.ts';
import { pathInfoFailures } from './path-info-failures.ts';
import { pathInfoListing } from './path-info-listing.ts';
import { pathInfoStoring } from './path-info-storing.ts';
import type { PathInfoSuite } from './path-info-suite.ts';

/** A path info service to be proven; `corrupt` gets the output hash of the path info to damage. */
export type PathInfoServiceSubject = ConformanceSubject<
  PathInfoService,
  Uint8Array
>;

/** Declares what every path info service that puts and lists must do, as tests of a runner. */
export function runPathInfoServiceConformance(
  runner: TestRunner,
  subject: PathInfoServiceSubject,
): void {
  const suite: PathInfoSuite = new Suite(runner, subject);
  suite.declare('PathInfoService', [
    pathInfoStoring,
    pathInfoListing,
    pathInfoDeleting,
    pathInfoFailures,
  ]);
}

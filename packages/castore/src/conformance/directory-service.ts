import type { B3Digest } from '../digest/b3-digest.ts';
import type { DirectoryService } from '../directory-service/directory-service.ts';
import { directoryPutting } from './directory-putting.ts';
import type { DirectorySuite } from './directory-suite.ts';
import { directoryTraversal } from './directory-traversal.ts';
import { Suite } from './runner.ts';
import type { ConformanceSubject, TestRunner } from './runner.ts';

/** A directory service to be proven. */
export type DirectoryServiceSubject = ConformanceSubject<
  DirectoryService,
  B3Digest
>;

/** Declares what every directory service must do, as tests of a runner. */
export function runDirectoryServiceConformance(
  runner: TestRunner,
  subject: DirectoryServiceSubject,
): void {
  const suite: DirectorySuite = new Suite(runner, subject);
  suite.declare('DirectoryService', [directoryPutting, directoryTraversal]);
}

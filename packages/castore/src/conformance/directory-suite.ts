import type { B3Digest } from '../digest/b3-digest.ts';
import type { DirectoryService } from '../directory-service/directory-service.ts';
import type { Suite } from './runner.ts';

/** A suite for directory services. */
export type DirectorySuite = Suite<DirectoryService, B3Digest>;

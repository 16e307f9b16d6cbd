/** Serving virtual machines. */
export { serveVirtiofs, VirtiofsServer } from './serve.ts';
export type { ServeVirtiofsOptions } from './serve.ts';
export type { RequestFailure } from '../request-failures.ts';
export type { LiveServices } from '../fuse/services.ts';
export type { SpillOptions } from '../fuse/spill-file.ts';

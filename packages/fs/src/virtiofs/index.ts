/** Serving virtual machines. */
export { serveVirtiofs, VirtiofsServer } from './serve.ts';
export type { ServeVirtiofsOptions } from './serve.ts';

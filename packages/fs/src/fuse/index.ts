/** Mounting in the kernel of this machine. */
export { execWithMount } from './namespace.ts';
export type { ExecOptions } from './namespace.ts';
export { FuseMount, mountFuse } from './mount.ts';
export type { MountFuseOptions, MountOptions } from './mount.ts';
export type { KernelMountOptions } from './mount-options.ts';
export type { PassthroughOptions } from './passthrough.ts';
export type {
  LiveServices,
  OpenedServices,
  ServicesModule,
  ServicesModuleRef,
} from './services.ts';
export type { FuseServerListener } from './server.ts';
export type { RequestFailure } from '../request-failures.ts';
export type { SessionOptions } from './session.ts';
export type { SpillOptions } from './spill-file.ts';

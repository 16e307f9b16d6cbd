import { RenderBuffers } from '../nar/render-buffers.ts';
import { NarSizes } from '../nar/sizes.ts';
import { UnpackingThreads } from '../unpacking/unpacking-threads.ts';
import { ArrivingNars } from './arriving-nars.ts';
import type {
  BinaryCacheOptions,
  BinaryCacheServices,
  CacheContext,
} from './context.ts';
import { SharedAnswers } from './face/shared-answers.ts';
import type { RequestPath } from './request-path.ts';
import type { Resource } from './resource.ts';
import { route } from './routes.ts';
import { Turns } from './turns.ts';

/** Closures that pages remember a line of. */
const MAX_CLOSURE_TEXTS = 10_000;

/** The resources of a Nix binary cache over a store. It knows requests and replies, and no sockets. */
export class BinaryCache {
  readonly #context: CacheContext;

  constructor(services: BinaryCacheServices, options: BinaryCacheOptions = {}) {
    this.#context = {
      ...services,
      options,
      sizes: new NarSizes(services.directories),
      buffers: new RenderBuffers(),
      commits: new Turns(),
      arriving: new ArrivingNars(),
      unpacker: services.unpacker ?? new UnpackingThreads(),
      narInfoReplies: new WeakMap(),
      knownPaths: new SharedAnswers(1),
      closureTexts: new SharedAnswers(MAX_CLOSURE_TEXTS),
    };
  }

  /** The resource that a path leads to; `undefined` where there is none whatever the store holds. */
  resourceAt(path: RequestPath): Resource | undefined {
    return route(path, this.#context);
  }
}

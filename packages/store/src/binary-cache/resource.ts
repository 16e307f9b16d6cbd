import type { IncomingHttpHeaders } from 'node:http';
import type { Reply } from './reply.ts';

/** What a resource may know of a request. */
export interface CacheRequest {
  readonly headers: IncomingHttpHeaders;
  readonly query: URLSearchParams;
  /** Aborted when the client goes away. Made when it is first asked for: what answers at once does without. */
  readonly signal: AbortSignal;
}

/** Something that a path leads to. A method that it lacks is answered with 405. */
export interface Resource {
  /** For GET and HEAD. */
  readonly get?: (request: CacheRequest) => Promise<Reply> | Reply;
  readonly put?: Upload;
}

/**
 * Takes an upload. Clients up to Nix 2.33 hang when they repeat one, so that `take` never answers with a status that
 * they repeat: 5xx, 408, 429 and unexpected 2xx or 3xx.
 */
export interface Upload {
  /** The longest body in bytes. */
  readonly maxBytes: number;
  /**
   * Decides before the body: an answer makes the client keep it, refusals and successes alike. Any status may be
   * answered here.
   */
  admit?(request: CacheRequest): Promise<Reply | undefined>;
  /** Answers once all is stored, or nothing is. The body may be left before its end. */
  take(request: CacheRequest, body: AsyncIterable<Uint8Array>): Promise<Reply>;
}

/** Bounds of what a connection may take. */
export interface ServerLimits {
  /** Bytes of a request's head. 16 KiB where left out. */
  readonly maxHeaderBytes?: number;
  /** How long a request's head may take to come in. 20 s where left out. */
  readonly headersTimeoutMs?: number;
  /** How long a connection may be silent: between requests, or while we wait for it to take our bytes. 75 s where left out. */
  readonly idleTimeoutMs?: number;
  /** A body must bring `slowBodyBytes` in each such time. 30 s and 64 KiB where left out. */
  readonly slowBodyWindowMs?: number;
  readonly slowBodyBytes?: number;
  /** Connections at a time; more are closed as they come. 1024 where left out. */
  readonly maxConnections?: number;
}

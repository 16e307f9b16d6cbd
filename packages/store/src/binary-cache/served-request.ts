/** What happened to a request, for the log. */
export interface ServedRequest {
  readonly method: string;
  readonly path: string;
  /** `undefined` where the client went away before it was answered. */
  readonly status: number | undefined;
  readonly durationMs: number;
  /** Why it failed. */
  readonly error?: unknown;
  /** Whether it failed because the client went away, which is nobody's fault. */
  readonly isAbandoned?: boolean;
}

/** What a resource answers; `http-server.ts` is the only one that writes it. */
export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** All of the body. */
  readonly body?: string | Uint8Array;
  /** A body that is made while it is sent, in place of `body`. */
  readonly stream?: ReplyStream;
}

/** A body that is made while it is sent. */
export interface ReplyStream {
  /** The exact number of bytes, where known: one more or less ends the connection. */
  readonly length?: number;
  /** Called once, and not at all for HEAD. `undefined` where it turns out that there is nothing: that is a 404. */
  open(
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array> | Promise<AsyncIterable<Uint8Array> | undefined>;
  /** Told of a piece once it was sent, and nobody looks at its bytes any more. */
  release?(this: void, piece: Uint8Array): void;
}

export const TEXT = 'text/plain; charset=utf-8';

/** For what never changes under its name. */
export const IMMUTABLE = 'max-age=31536000, immutable';

/** A line of text. The client shows it to its user where it is shorter than 1024 bytes. */
export function textReply(
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): Reply {
  return {
    status,
    headers: { 'Content-Type': TEXT, ...headers },
    body: `${text}\n`,
  };
}

/** Absence. */
export function notFound(what: string): Reply {
  return textReply(404, what);
}

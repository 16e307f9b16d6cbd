import type { IncomingHttpHeaders } from 'node:http';

/** A part of a body: from `start` up to but without `end`, in bytes. */
export interface ByteSpan {
  readonly start: number;
  readonly end: number;
}

/**
 * The part that a `Range` header asks for. `undefined` where it is to be ignored: it is absent, malformed, or asks for
 * several parts. `'unsatisfiable'` where nothing of it lies in the body.
 */
export function parseRange(
  header: string | undefined,
  length: number,
): ByteSpan | 'unsatisfiable' | undefined {
  const [, first = '', last = ''] =
    /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '') ?? [];
  if (first === '' && last === '') return undefined;
  if (first === '') {
    const suffix = Number(last);
    return suffix === 0 || length === 0
      ? 'unsatisfiable'
      : { start: Math.max(0, length - suffix), end: length };
  }
  const start = Number(first);
  const end = last === '' ? length : Number(last) + 1;
  if (last !== '' && end <= start) return undefined;
  return start >= length
    ? 'unsatisfiable'
    : { start, end: Math.min(end, length) };
}

/** As {@link parseRange}; a part of what has another entity tag than the present one isn't asked for. */
export function requestedRange(
  { range, 'if-range': tagOfPart }: IncomingHttpHeaders,
  tag: string,
  length: number,
): ByteSpan | 'unsatisfiable' | undefined {
  const isCurrent = tagOfPart === undefined || tagOfPart === tag;
  return isCurrent ? parseRange(range, length) : undefined;
}

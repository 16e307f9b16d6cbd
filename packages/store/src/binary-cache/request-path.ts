/** A request target, taken apart. */
export interface RequestPath {
  /** The path's components, percent-decoded, one character a byte: names of files may be any bytes. */
  readonly segments: readonly string[];
  readonly query: URLSearchParams;
}

/** Longest target that is looked at, in characters. */
const MAX_TARGET_LENGTH = 8192;

/** What a proxy may send in place of a path: the whole URL. */
const ORIGIN = /^https?:\/\/[^/?]*/i;

const NO_QUERY = new URLSearchParams();

/**
 * Takes a request target apart; `undefined` where it is neither an absolute path nor a URL with one (RFC 9112, section
 * 3.2.2), too long, malformed, or has a component that is `.`, `..`, empty but for the last, or has a slash or a NUL once
 * it is decoded.
 */
export function parseRequestPath(target: string): RequestPath | undefined {
  if (target.length > MAX_TARGET_LENGTH) return undefined;
  if (!target.startsWith('/')) {
    const path = target.replace(ORIGIN, '');
    return path.startsWith('/') ? parseRequestPath(path) : undefined;
  }
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  const segments: string[] = [];
  const parts = path.slice(1).split('/');
  for (const [index, part] of parts.entries()) {
    const segment = part.includes('%') ? decodePercent(part) : part;
    if (segment === undefined || /[\0/]/.test(segment)) return undefined;
    if (segment === '.' || segment === '..') return undefined;
    if (segment === '' && index < parts.length - 1) return undefined;
    segments.push(segment);
  }
  return {
    segments,
    query: mark < 0 ? NO_QUERY : new URLSearchParams(target.slice(mark + 1)),
  };
}

function decodePercent(part: string): string | undefined {
  if (/%(?![0-9a-fA-F]{2})/.test(part)) return undefined;
  return part.replace(/%(..)/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

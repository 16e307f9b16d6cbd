import { createHash } from 'node:crypto';
import { StoreError } from '../errors.ts';
import { textReply } from './reply.ts';
import type { Reply } from './reply.ts';

/** What a request needs to be allowed. */
export type Scope = 'read' | 'write';

/** Decides who may do what. */
export interface Access {
  /** The refusal of a request with that `Authorization` header; `undefined` where it is allowed. */
  check(scope: Scope, authorization: string | undefined): Reply | undefined;
}

const REALM = { 'WWW-Authenticate': 'Basic realm="binary cache"' };
const SCOPES: ReadonlySet<string> = new Set<Scope>(['read', 'write']);

/** Access without tokens: the same for everybody. */
export function openAccess(scopes: readonly Scope[]): Access {
  return new TokenAccess(new Map(), new Set(scopes));
}

/**
 * Access by tokens. A client sends one as bearer or as the password of Basic, whatever the user's name, since a netrc
 * file can hold nothing else. Only hashes of tokens are kept.
 */
export class TokenAccess implements Access {
  readonly #scopes: ReadonlyMap<string, ReadonlySet<Scope>>;
  readonly #anonymous: ReadonlySet<Scope>;

  /** Scopes by the SHA-256 of the token in hex, and those of whoever has none. */
  constructor(
    scopes: ReadonlyMap<string, ReadonlySet<Scope>>,
    anonymous: ReadonlySet<Scope>,
  ) {
    this.#scopes = scopes;
    this.#anonymous = anonymous;
  }

  /**
   * Reads a file of tokens: a line each, `NAME SCOPES sha256:HEX`, where the scopes are `read`, `write` or both with a
   * comma between; `anonymous SCOPES` grants scopes without a token. Empty lines and those that begin with `#` don't
   * count.
   *
   * @throws StoreError `store/invalid-tokens` with the line's number
   */
  static parse(text: string): TokenAccess {
    const tokens = new Map<string, ReadonlySet<Scope>>();
    let anonymous: ReadonlySet<Scope> = new Set();
    for (const [index, line] of text.split('\n').entries()) {
      const fields = line.trim().split(/\s+/);
      if (fields[0] === '' || fields[0]!.startsWith('#')) continue;
      const scopes = parseScopes(fields[1]);
      const [, hex] = /^sha256:([0-9a-f]{64})$/.exec(fields[2] ?? '') ?? [];
      if (
        scopes !== undefined &&
        fields.length === 2 &&
        fields[0] === 'anonymous'
      )
        anonymous = scopes;
      else if (scopes !== undefined && fields.length === 3 && hex !== undefined)
        tokens.set(hex, scopes);
      else {
        throw new StoreError(
          'store/invalid-tokens',
          `line ${index + 1} is not "NAME SCOPES sha256:HEX" or "anonymous SCOPES"`,
          { details: { line: index + 1 } },
        );
      }
    }
    return new TokenAccess(tokens, anonymous);
  }

  check(scope: Scope, authorization: string | undefined): Reply | undefined {
    const token = authorization && tokenOf(authorization);
    // The hash is looked up, not the token: how long that takes tells nothing of any token.
    const scopes = token ? this.#scopes.get(sha256Hex(token)) : undefined;
    if (scopes?.has(scope) || this.#anonymous.has(scope)) return undefined;
    return scopes === undefined
      ? textReply(401, `a token with the scope ${scope} is needed`, REALM)
      : textReply(403, `the token lacks the scope ${scope}`);
  }
}

function parseScopes(field = ''): ReadonlySet<Scope> | undefined {
  const names = field.split(',');
  return names.every((name) => SCOPES.has(name))
    ? new Set(names as Scope[])
    : undefined;
}

function tokenOf(authorization: string): string | undefined {
  const [, scheme = '', value = ''] =
    /^(Bearer|Basic) +(\S+)$/i.exec(authorization.trim()) ?? [];
  if (scheme.toLowerCase() === 'bearer') return value;
  if (scheme.toLowerCase() !== 'basic') return undefined;
  const pair = Buffer.from(value, 'base64').toString();
  const colon = pair.indexOf(':');
  return colon < 0 ? undefined : pair.slice(colon + 1);
}

function sha256Hex(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

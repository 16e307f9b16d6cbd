import { cacheInfo } from './cache-info.ts';
import type { CacheContext } from './context.ts';
import { debugInfo } from './debug-info.ts';
import { landingPage } from './face/landing-page.ts';
import { pathPage } from './face/path-page.ts';
import { listing } from './listing.ts';
import { log } from './log.ts';
import { nar } from './nar.ts';
import { narInfo } from './narinfo.ts';
import { publicKeys } from './public-keys.ts';
import { realisation } from './realisation.ts';
import { textReply } from './reply.ts';
import type { RequestPath } from './request-path.ts';
import type { Resource } from './resource.ts';
import { serve } from './serve.ts';

const BY_HASH = /^([0-9a-z]{32})\.(narinfo|ls)$/;

/** The resource that a path leads to; `undefined` where there is none whatever the store holds. */
export function route(
  { segments, query }: RequestPath,
  context: CacheContext,
): Resource | undefined {
  const [first = '', ...rest] = segments;
  if (rest.length === 0) {
    const [, hashPart, kind] = BY_HASH.exec(first) ?? [];
    if (hashPart !== undefined)
      return kind === 'ls'
        ? listing(context, hashPart)
        : narInfo(context, hashPart);
  }
  switch (rest.length === 0 ? first : `${first}/`) {
    case 'nix-cache-info':
      return cacheInfo(context.options);
    case '':
    case 'index.html':
      return landingPage(context);
    case 'pubkey':
      return publicKeys(context);
    case 'health':
    case 'healthz':
      return { get: () => textReply(200, 'ok') };
    case 'nar/':
      return nar(context, rest, query);
    case 'log/':
      return log(context, rest);
    case 'realisations/':
    case 'build-trace-v2/':
      return realisation(context, segments);
    case 'debuginfo/':
      return debugInfo(context, rest);
    case 'serve/':
      return serve(context, rest);
    case 'path/':
      return pathPage(context, rest);
    default:
      return undefined;
  }
}

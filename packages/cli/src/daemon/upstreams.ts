import {
  NixHttpPathInfoService,
  Substituter,
  Upstream,
  withoutLogin,
} from '@tvix/store/binary-cache';
import type { NixHttpOptions } from '@tvix/store/binary-cache';
import type { Logger } from '../logging.ts';
import type { OpenStore } from '../services.ts';
import type { SideTables } from './side-tables.ts';

const DEFAULT_PRIORITY = 50;

/**
 * What fetches from the binary caches at these URLs, which may each have a `?priority=` and trusted keys of their own;
 * `undefined` where there are none.
 *
 * @throws StoreError `store/invalid-upstream`
 */
export function createSubstituter(
  urls: readonly string[],
  options: NixHttpOptions,
  store: OpenStore,
  { folder }: SideTables,
  logger: Logger,
): Substituter | undefined {
  if (urls.length === 0) return undefined;
  const upstreams = urls.map((url) => {
    const cache = NixHttpPathInfoService.fromAddress(
      `nix+${url}`,
      store,
      options,
    );
    const log = { upstream: withoutLogin(url) };
    if (
      options.trustedKeys === undefined &&
      !url.includes('trusted-public-keys=')
    )
      logger.warn(
        log,
        'no trusted keys: whatever this upstream says is believed',
      );
    const upstream = new Upstream(cache, {
      onFailure: (err) => logger.warn({ ...log, err }, 'the upstream failed'),
    });
    return { upstream, priority: priorityOf(url) };
  });
  // The order of flags decides among equals.
  upstreams.sort((a, b) => a.priority - b.priority);
  return new Substituter(
    store.pathInfos,
    upstreams.map(({ upstream }) => upstream),
    folder === undefined ? {} : { spoolFolder: folder },
  );
}

function priorityOf(url: string): number {
  const given = /[?&]priority=(\d+)(&|$)/.exec(url)?.[1];
  return given === undefined ? DEFAULT_PRIORITY : Number(given);
}

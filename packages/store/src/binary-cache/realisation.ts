import { decodeContent } from '../compression/decode-content.ts';
import { StoreError } from '../errors.ts';
import { assertSignatureCount } from '../path-info/signature-bound.ts';
import type { CacheContext } from './context.ts';
import { readAll } from './read-all.ts';
import {
  invalidRealisation,
  isJson,
  parseRealisation,
} from './realisation-json.ts';
import type { Json } from './realisation-json.ts';
import { notFound, textReply } from './reply.ts';
import type { Resource } from './resource.ts';
import type { CacheTable } from './table.ts';

const MAX_REALISATION_BYTES = 1024 * 1024;
// Bounded: they are keys of a table.
const OLD_NAME =
  /^[a-z0-9]{1,16}:[0-9a-f]{1,128}![0-9A-Za-z+\-._?=]{1,211}\.doi$/;
const OUTPUT_NAME = /^[0-9A-Za-z+\-._?=]{1,211}\.doi$/;
const DERIVATION = /^[0-9a-z]{32}-[0-9A-Za-z+\-._?=]{1,211}$/;

/**
 * `realisations/<algo>:<hex>!<output>.doi` of clients up to Nix 2.34, and `build-trace-v2/<drv>/<output>.doi` of later
 * ones: which path a content-addressed derivation's output became. One that says the same as the stored one adds its
 * signatures; one that says otherwise takes its place, as in a cache of files.
 */
export function realisation(
  context: CacheContext,
  segments: readonly string[],
): Resource | undefined {
  const [folder, first = '', second = ''] = segments;
  const isOld = folder === 'realisations';
  const isNamed = isOld
    ? segments.length === 2 && OLD_NAME.test(first)
    : segments.length === 3 &&
      DERIVATION.test(first) &&
      OUTPUT_NAME.test(second);
  if (!isNamed) return undefined;
  const table = context.tables.realisations;
  const path = segments.join('/');
  const key = new TextEncoder().encode(path);
  return {
    async get() {
      const body = await table.get(key);
      return body === undefined
        ? notFound('no such realisation')
        : {
            status: 200,
            headers: { 'Content-Type': 'application/json' },
            body,
          };
    },
    put: {
      maxBytes: MAX_REALISATION_BYTES,
      async take({ headers }, body) {
        const coding = headers['content-encoding'];
        const limits = { maxBytes: MAX_REALISATION_BYTES };
        const bytes = await readAll(
          decodeContent(coding, body, limits),
          MAX_REALISATION_BYTES,
        );
        const offered = parseRealisation(bytes);
        if (isOld && offered['id'] !== first.slice(0, -'.doi'.length))
          throw invalidRealisation('its id is another than its name');
        await context.commits.take(path, () => store(table, key, offered));
        return textReply(200, 'stored');
      },
    },
  };
}

async function store(
  table: CacheTable,
  key: Uint8Array,
  offered: Json,
): Promise<void> {
  const stored = await table.get(key);
  const merged =
    stored === undefined ? offered : merge(parseRealisation(stored), offered);
  for (const signed of [merged, merged['value']])
    if (isJson(signed) && Array.isArray(signed['signatures']))
      assertSignatureCount(signed['signatures'].length);
  const bytes = new TextEncoder().encode(JSON.stringify(merged));
  if (bytes.length > MAX_REALISATION_BYTES) {
    throw new StoreError(
      'store/limit-exceeded',
      `longer than ${MAX_REALISATION_BYTES} bytes with the signatures that are here`,
      { details: { limit: MAX_REALISATION_BYTES } },
    );
  }
  await table.put(key, bytes);
}

/** What is offered, with the signatures of a stored one that says the same. */
function merge(stored: Json, offered: Json): Json {
  const [old, value] = [stored['value'], offered['value']];
  if (isJson(old) && isJson(value))
    return { ...offered, value: merge(old, value) };
  if (stored['outPath'] !== offered['outPath']) return offered;
  const [a, b] = [stored['signatures'], offered['signatures']];
  if (!Array.isArray(a) || !Array.isArray(b)) return offered;
  const signatures = new Map(
    [...a, ...b].map((signature) => [JSON.stringify(signature), signature]),
  );
  return { ...offered, signatures: [...signatures.values()] };
}

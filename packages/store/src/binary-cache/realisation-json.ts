import { StorePath } from '@tvix/nar';
import { StoreError } from '../errors.ts';

/** A realisation as clients write it. */
export interface Json {
  readonly [key: string]: unknown;
}

/** The path that an entry of the table says an output became; `undefined` where it names none. */
export function realisedPath(entry: Uint8Array): StorePath | undefined {
  const json = parseRealisation(entry);
  const { value } = json;
  const outPath = (isJson(value) ? value : json)['outPath'];
  if (typeof outPath !== 'string') return undefined;
  return StorePath.parse(outPath.slice(outPath.lastIndexOf('/') + 1));
}

/** @throws StoreError `store/invalid-realisation` */
export function parseRealisation(bytes: Uint8Array): Json {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new StoreError('store/invalid-realisation', 'it is no JSON', {
      cause,
    });
  }
  if (!isJson(json)) throw invalidRealisation('it is no JSON object');
  return json;
}

/** Whether a value is a JSON object. */
export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The error `store/invalid-realisation`. */
export function invalidRealisation(what: string): StoreError {
  return new StoreError('store/invalid-realisation', what);
}

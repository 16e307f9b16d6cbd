import { jsonText } from './json-text.ts';

/** A path of names that may be any bytes, in quotes, for messages. */
export function quotePath(names: readonly Uint8Array[]): string {
  return JSON.stringify(names.map(jsonText).join('/'));
}

import { STORE_DIR, StorePath } from '@tvix/nar';

/** Whether an argument means a path in the store rather than one on disk. */
export function isStorePathArgument(text: string): boolean {
  if (text.startsWith(`${STORE_DIR}/`)) return true;
  try {
    StorePath.parse(text.split('/', 1)[0]!);
    return true;
  } catch {
    return false;
  }
}

/** How the files of a binary cache may be compressed; the names are those of a narinfo's `Compression`. */
export type Compression =
  'none' | 'xz' | 'bzip2' | 'gzip' | 'zstd' | 'br' | 'lzip' | 'lz4';

const COMPRESSIONS: ReadonlySet<string> = new Set<Compression>([
  'none',
  'xz',
  'bzip2',
  'gzip',
  'zstd',
  'br',
  'lzip',
  'lz4',
]);

/** Whether that compression is known here. */
export function isCompression(name: string): name is Compression {
  return COMPRESSIONS.has(name);
}

import fs from 'node:fs';
import { C_LIBRARY, openSystemLibrary } from '../../system-library.ts';

type Advise = (address: bigint, bytes: bigint, advice: number) => unknown;

const MADV_DONTNEED = 4;

let opened: Advise | undefined;

/**
 * Gives back the memory of what this process maps of a file, which Linux counts as its own. The kernel keeps the pages in
 * its cache, and maps them again when somebody looks at them. Does nothing on other systems, and where koffi is missing.
 *
 * NOTE: nobody may unmap the file meanwhile, whatever is private at its addresses then would be lost.
 */
export function releaseMappedPages(fd: number): void {
  const advise = (opened ??= openSystemLibrary<Advise>(C_LIBRARY, (call) =>
    call('int madvise(uintptr_t address, size_t bytes, int advice)'),
  ));
  if (advise === undefined) return;
  for (const [start, end] of mappingsOf(fd))
    advise(start, end - start, MADV_DONTNEED);
}

/** How much memory this process has of all files that it maps, in bytes; 0 where the system doesn't tell. */
export function mappedFileBytes(): number {
  try {
    const status = fs.readFileSync('/proc/self/status', 'latin1');
    return 1024 * Number(/^RssFile:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/** Where a file is mapped to: none where the kernel doesn't tell. */
function mappingsOf(fd: number): (readonly [start: bigint, end: bigint])[] {
  const found: (readonly [bigint, bigint])[] = [];
  try {
    const name = ` ${fs.readlinkSync(`/proc/self/fd/${fd}`)}`;
    const maps = fs.readFileSync('/proc/self/maps', 'utf8');
    for (const line of maps.split('\n')) {
      if (!line.endsWith(name)) continue;
      const [, start, end] = /^([0-9a-f]+)-([0-9a-f]+) r--s /.exec(line) ?? [];
      if (start !== undefined)
        found.push([BigInt(`0x${start}`), BigInt(`0x${end}`)]);
    }
  } catch {
    // Without /proc.
  }
  return found;
}

import { describe, expect, it } from '@jest/globals';
import { importMemory } from '../src/import-memory.ts';
import type { ImportMemory } from '../src/import-memory.ts';

function memory(
  blobs: string,
  env: Record<string, string> = { HOME: '/h' },
): ImportMemory | undefined {
  return importMemory({ blobs, directories: blobs, pathInfos: blobs }, env);
}

describe('what is remembered of imports', () => {
  it('is in XDG_CACHE_HOME, else in ~/.cache', () => {
    const env = { HOME: '/h', XDG_CACHE_HOME: '/cache' };
    const { file, trees } = memory('local:/s', env)!;
    expect(file).toMatch(/^\/cache\/tvix-store\/files\/[0-9a-f]{32}$/);
    expect(trees).toMatch(/^\/cache\/tvix-store\/trees\/[0-9a-f]{32}$/);
    for (const env of [{ HOME: '/h' }, { HOME: '/h', XDG_CACHE_HOME: '' }])
      expect(memory('local:/s', env)!.file).toMatch(
        /^\/h\/\.cache\/tvix-store\/files/,
      );
  });

  it('is another one for each store', () => {
    const { file, trees } = memory('local:/s')!;
    expect(memory('local:/s')).toEqual({ file, trees });
    expect(memory('local:/t')!.file).not.toBe(file);
    expect(memory('local:/t')!.trees).not.toBe(trees);
  });

  it('does not exist for stores that end with the process', () => {
    expect(memory('memory:')).toBeUndefined();
    expect(memory('local:')).toBeUndefined();
  });
});

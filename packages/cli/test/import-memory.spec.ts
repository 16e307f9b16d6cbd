import { describe, expect, it } from '@jest/globals';
import { fileCacheFile } from '../src/file-cache-file.ts';

function file(
  blobs: string,
  env: Record<string, string> = { HOME: '/h' },
): string | undefined {
  return fileCacheFile({ blobs, directories: blobs, pathInfos: blobs }, env);
}

describe('the file cache', () => {
  it('is in XDG_CACHE_HOME, else in ~/.cache', () => {
    const env = { HOME: '/h', XDG_CACHE_HOME: '/cache' };
    expect(file('local:/s', env)).toMatch(
      /^\/cache\/tvix-store\/files\/[0-9a-f]{32}$/,
    );
    for (const env of [{ HOME: '/h' }, { HOME: '/h', XDG_CACHE_HOME: '' }])
      expect(file('local:/s', env)).toMatch(/^\/h\/\.cache\/tvix-store\/files/);
  });

  it('is another one for each store', () => {
    expect(file('local:/s')).toBe(file('local:/s'));
    expect(file('local:/s')).not.toBe(file('local:/t'));
  });

  it('does not exist for stores that end with the process', () => {
    expect(file('memory:')).toBeUndefined();
    expect(file('local:')).toBeUndefined();
  });
});

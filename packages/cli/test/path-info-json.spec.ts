import { describe, expect, it } from '@jest/globals';
import { symlinkTarget } from '@tvix/castore';
import { StorePath } from '@tvix/nar';
import { PathInfo } from '@tvix/store';
import type { PathNarInfo } from '@tvix/store';
import { pathInfoJson } from '../src/path-info-json.ts';

const storePath = StorePath.parse(`${'0'.repeat(32)}-x`);

function jsonOf(
  change: Partial<PathNarInfo>,
): Readonly<Record<string, unknown>> {
  const pathInfo = PathInfo.create(
    storePath,
    { type: 'symlink', target: symlinkTarget('x') },
    {
      narSize: 1n,
      narSha256: new Uint8Array(32),
      signatures: [],
      references: [],
      deriver: undefined,
      ca: undefined,
      ...change,
    },
  );
  return JSON.parse(JSON.stringify(pathInfoJson(pathInfo))) as ReturnType<
    typeof pathInfoJson
  >;
}

describe('the JSON of a path', () => {
  it('has signatures as a narinfo has them, those that none can have among them', () => {
    const { signatures } = jsonOf({
      signatures: [
        { name: 'sound', data: new Uint8Array(64) },
        { name: 'short', data: Uint8Array.of(1) },
        { name: 'two\nlines', data: new Uint8Array(0) },
      ],
    });
    const zeros = Buffer.alloc(64).toString('base64');
    expect(signatures).toStrictEqual([
      `sound:${zeros}`,
      'short:AQ==',
      'two\nlines:',
    ]);
  });

  it('has a content address as text, and one that has none by its number', () => {
    const digest = new Uint8Array(32);
    const { ca } = jsonOf({ ca: { type: 0, digest } });
    expect(ca).toMatch(/^fixed:r:sha256:0+$/);
    expect(
      jsonOf({ ca: { type: 99, digest: Uint8Array.of(1) } }),
    ).toMatchObject({ ca: { type: 99, digest: 'AQ==' } });
    expect(jsonOf({ ca: { type: 0, digest: Uint8Array.of(1) } })).toMatchObject(
      { ca: { type: 0, digest: 'AQ==' } },
    );
  });
});

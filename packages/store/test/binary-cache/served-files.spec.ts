import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Directory, pathComponent, symlinkTarget } from '@tvix/castore';
import type { Node } from '@tvix/castore';
import type { PathInfo } from '../../src/path-info/path-info.ts';
import { storeTree, utf8 } from '../fixtures.ts';
import { addTree, StartedCache } from './started-cache.ts';

let cache: StartedCache;
let tree: PathInfo;

beforeAll(async () => {
  cache = await StartedCache.start();
  const node = await storeTree('complicated', cache.services);
  tree = await addTree(cache.services, 'complicated', node);
});

afterAll(() => cache[Symbol.asyncDispose]());

describe('files served by path', () => {
  async function putDirectory(name: string, entries: [Uint8Array, Node][]) {
    const made = Directory.fromEntries(
      entries.map(([entry, node]) => ({ name: pathComponent(entry), node })),
    );
    await cache.services.directories.put(made);
    return addTree(cache.services, name, {
      type: 'directory',
      digest: made.digest,
      size: made.size,
    });
  }

  it('come with a type and nothing that acts', async () => {
    const file = await storeTree('helloWorld', cache.services);
    const { storePath } = await putDirectory('page', [
      [utf8('index.html'), file],
    ]);
    const { status, headers, text } = await cache.get(
      `/serve/${storePath.hashPart}/index.html`,
    );
    expect([status, text]).toStrictEqual([200, 'Hello World!']);
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(headers['content-security-policy']).toContain('sandbox');
    expect(headers['x-content-type-options']).toBe('nosniff');
  });

  it('have no type where their ending is none, whatever it is called', async () => {
    const file = await storeTree('helloWorld', cache.services);
    const names = ['a.constructor', 'b.__proto__'];
    const { storePath } = await putDirectory(
      'odd',
      names.map((name) => [utf8(name), file]),
    );
    for (const name of names) {
      const url = `/serve/${storePath.hashPart}/${name}`;
      const { headers } = await cache.get(url);
      expect(headers['content-type']).toBe('application/octet-stream');
    }
  });

  it('come in part, unless the part is of another one', async () => {
    const file = await storeTree('helloWorld', cache.services);
    const { storePath } = await putDirectory('part', [[utf8('a'), file]]);
    const url = `/serve/${storePath.hashPart}/a`;
    const { etag } = (await cache.get(url)).headers;
    const part = await cache.get(url, {
      Range: 'bytes=0-4',
      'If-Range': etag!,
    });
    expect([part.status, part.text]).toStrictEqual([206, 'Hello']);
    const whole = await cache.get(url, {
      Range: 'bytes=0-4',
      'If-Range': '"another"',
    });
    expect([whole.status, whole.text]).toStrictEqual([200, 'Hello World!']);
  });

  it('are led to where the path was written in an odd way', async () => {
    const { hashPart } = tree.storePath;
    for (const [written, location] of [
      ['', '/'],
      [':x', '%3Ax/'],
      ['%0d%0aSet-Cookie:x', '%0D%0ASet-Cookie%3Ax/'],
    ]) {
      const answer = await cache.get(`/serve/${hashPart}${written}`);
      expect([answer.status, answer.headers.location]).toStrictEqual([
        302,
        hashPart + location!,
      ]);
    }
  });

  it('are listed with names that are escaped', async () => {
    const file = await storeTree('helloWorld', cache.services);
    const { storePath } = await putDirectory('evil', [
      [utf8('<script>alert(1)</script>'.replace('/', '')), file],
      [utf8('"onmouseover="x'), file],
      [Uint8Array.of(0xff, 0x26), file],
    ]);
    const page = await cache.get(`/serve/${storePath.hashPart}/`);
    expect(page.status).toBe(200);
    expect(page.text).not.toContain('<script');
    expect(page.text).not.toContain('"onmouseover');
    expect(page.text).toContain('./%FF%26');
    expect(page.headers['content-security-policy']).toContain(
      "default-src 'none'",
    );
    const named = await cache.get(`/serve/${storePath.hashPart}/%FF%26`);
    expect(named.text).toBe('Hello World!');
  });

  it('are reached through links within the store, and not out of it', async () => {
    const { storePath } = await putDirectory('links', [
      [
        utf8('inside'),
        {
          type: 'symlink',
          target: symlinkTarget(`${tree.storePath.toAbsolutePath()}/.keep`),
        },
      ],
      [
        utf8('outside'),
        { type: 'symlink', target: symlinkTarget('../../../etc/passwd') },
      ],
    ]);
    const inside = await cache.get(`/serve/${storePath.hashPart}/inside`);
    expect([inside.status, inside.headers.location]).toStrictEqual([
      302,
      `../${tree.storePath.hashPart}/.keep`,
    ]);
    const outside = await cache.get(`/serve/${storePath.hashPart}/outside`);
    expect(outside.status).toBe(404);
  });

  it('are not found beyond the store path', async () => {
    const { hashPart } = tree.storePath;
    for (const path of [
      `/serve/${hashPart}/../x`,
      `/serve/${hashPart}/%2e%2e/x`,
      `/serve/${hashPart}/..%2fx`,
      `/serve/${hashPart}/a%00b`,
      `/log/..%2fx.drv`,
      `/%2e%2e/x`,
    ])
      expect((await cache.get(path)).status).toBe(400);
    expect((await cache.get(`/serve/${hashPart}/none`)).status).toBe(404);
  });
});

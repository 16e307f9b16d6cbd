import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Directory, pathComponent } from '@tvix/castore';
import type { Node } from '@tvix/castore';
import { SecretKey } from '@tvix/nar';
import { createHash } from 'node:crypto';
import type { PathInfo } from '../../src/path-info/path-info.ts';
import { PathSigner } from '../../src/path-info-service/signing.ts';
import { storeTree, utf8 } from '../fixtures.ts';
import { addTree, memoryServices, StartedCache } from './started-cache.ts';
import type { Answer } from './started-cache.ts';

const EVIL = '<script>alert(1)<!--&"\'';

let cache: StartedCache;
let key: SecretKey;
let tree: PathInfo;
let dependent: PathInfo;

beforeAll(async () => {
  key = await SecretKey.generate('test-1');
  cache = await StartedCache.start({
    signer: new PathSigner([key]),
    publicUrl: 'https://cache.example.org/team',
  });
  const { services } = cache;
  const node = await storeTree('complicated', services);
  tree = await addTree(services, 'complicated', node);
  const file = await storeTree('helloWorld', services);
  const evil = await putDirectory([[EVIL, file]]);
  const top = await putDirectory([
    [EVIL, evil],
    ['file', file],
  ]);
  dependent = await addTree(services, 'dependent', top, [tree.storePath]);
});

afterAll(() => cache[Symbol.asyncDispose]());

async function putDirectory(
  entries: [string, Node][],
  into = cache,
): Promise<Node> {
  const directory = Directory.fromEntries(
    entries.map(([name, node]) => ({ name: pathComponent(utf8(name)), node })),
  );
  await into.services.directories.put(directory);
  return { type: 'directory', digest: directory.digest, size: directory.size };
}

/** Follows the link with this text, as a browser would that runs no scripts. */
async function follow(
  from: string,
  page: Answer,
  text: string,
): Promise<[string, Answer]> {
  const links = page.text.matchAll(/<a href="([^"]*)"\s*>([^]*?)<\/a\s*>/g);
  const unescaped = (html: string): string =>
    html
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&quot;', '"')
      .replaceAll('&#39;', "'")
      .replaceAll('&amp;', '&');
  const link = [...links].find(([, , shown]) => unescaped(shown!) === text);
  const to = new URL(unescaped(link![1]!), `${cache.url}${from}`).pathname;
  return [to, await cache.get(to)];
}

describe('the pages of a cache', () => {
  it('tell people the key, the lines for nix.conf and the paths by name', async () => {
    const { status, headers, text } = await cache.get('/');
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(text).toContain(key.publicKey.toString());
    expect(text).toContain(
      'extra-substituters = https://cache.example.org/team',
    );
    expect(text).toContain(
      `extra-trusted-public-keys = ${key.publicKey.toString()}`,
    );
    expect(text).toContain('2 paths');
    const shown = [tree, dependent].map(({ storePath }) =>
      text.indexOf(storePath.toString()),
    );
    expect(shown[0]).toBeGreaterThan(0);
    expect(shown[1]).toBeGreaterThan(shown[0]!);
    expect((await cache.get('/index.html')).text).toBe(text);
  });

  it('lead by links alone from the first one to a file and back', async () => {
    let at = '/';
    let page = await cache.get(at);
    for (const text of [
      dependent.storePath.toString(),
      'files',
      `${EVIL}/`,
      EVIL,
    ])
      [at, page] = await follow(at, page, text);
    expect(page.text).toBe('Hello World!');
    at = `/serve/${dependent.storePath.hashPart}/${encodeURIComponent(EVIL)}/`;
    page = await cache.get(at);
    for (const text of [
      '..',
      'dependent',
      tree.storePath.toString(),
      'Nix binary cache',
    ])
      [at, page] = await follow(at, page, text);
    expect(at).toBe('/');
  });

  it('allow their own style, and have nothing else that a browser would act on', async () => {
    const { hashPart } = dependent.storePath;
    for (const path of [
      '/',
      '/?q=none',
      `/?q=${encodeURIComponent(`">${EVIL}`)}`,
      `/path/${hashPart}`,
      `/serve/${hashPart}/`,
      `/serve/${hashPart}/${encodeURIComponent(EVIL)}/`,
    ]) {
      const { status, headers, text } = await cache.get(path);
      expect(status).toBe(200);
      const [, style = ''] = /<style>([^]*?)<\/style>/.exec(text) ?? [];
      const hash = createHash('sha256').update(style).digest('base64');
      expect(headers['content-security-policy']).toBe(
        `default-src 'none'; style-src 'sha256-${hash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
      );
      expect(text).not.toMatch(/<script|<!--|<[^>]*\s(on\w+|style|src)=/i);
    }
  });

  it('find paths by name, and by what begins with their store path', async () => {
    const { storePath } = tree;
    const found = await cache.get('/?q=COMPLIC');
    expect(found.text).toContain(storePath.toString());
    expect(found.text).not.toContain(dependent.storePath.toString());
    for (const query of [
      storePath.hashPart,
      `${storePath.toAbsolutePath()}/bin/x`,
    ]) {
      const { text } = await cache.get(`/?q=${encodeURIComponent(query)}`);
      expect(text).toContain('Found by its hash.');
      expect(text).toContain(`path/${storePath.hashPart}`);
    }
    const none = await cache.get('/?q=nothing-like-it');
    expect(none.text).toContain('2 paths');
    expect(none.text).toContain('none match');
    expect(none.text).not.toContain(storePath.toString());
  });

  it('show a path with its sizes, references, and the signatures that it is served with', async () => {
    const { hashPart } = dependent.storePath;
    const { text } = await cache.get(`/path/${hashPart}`);
    expect(text).toContain('2 paths');
    expect(text).toContain(tree.storePath.toString());
    expect(text).toContain('test-1');
    expect((await cache.get(`/path/${'0'.repeat(32)}`)).status).toBe(404);
  });

  it('say where there is nothing, or one of something', async () => {
    await using empty = await StartedCache.start();
    expect((await empty.get('/')).text).toContain('0 paths');
    await using one = await StartedCache.start();
    const info = await addTree(
      one.services,
      'empty',
      await putDirectory([], one),
    );
    expect((await one.get('/')).text).toContain('1 path,');
    const files = await one.get(`/serve/${info.storePath.hashPart}/`);
    expect(files.text).toContain('The directory is empty.');
  });

  it('show directories that are longer than is held at a time', async () => {
    const file = await storeTree('helloWorld', cache.services);
    const names = Array.from(
      { length: 2500 },
      (_, i) => `f${String(i).padStart(4, '0')}`,
    );
    const node = await putDirectory(names.map((name) => [name, file]));
    const { storePath } = await addTree(cache.services, 'wide', node);
    const { text } = await cache.get(`/serve/${storePath.hashPart}/`);
    const shown = [...text.matchAll(/href="\.\/(f\d+)"/g)].map(
      ([, name]) => name,
    );
    expect(shown).toStrictEqual(names);
  });

  it('look through the store once for all who ask at a time, whatever they search', async () => {
    const services = memoryServices();
    const node = await storeTree('helloWorld', services);
    const { storePath } = await addTree(services, 'hello', node);
    const { pathInfos } = services;
    let scans = 0;
    let goOn = (): void => {};
    const awaited = new Promise<void>((resolve) => (goOn = resolve));
    const list = pathInfos.list.bind(pathInfos);
    pathInfos.list = async function* () {
      scans++;
      await awaited;
      yield* list();
    };
    await using shared = await StartedCache.start({}, {}, services);
    // A client that leaves doesn't make the next one begin anew.
    const leaving = new AbortController();
    const left = fetch(shared.url, { signal: leaving.signal });
    while (scans === 0) await new Promise(setImmediate);
    leaving.abort();
    await expect(left).rejects.toThrow();
    const pages = ['/', '/?q=hello', '/?q=nothing'].map((page) =>
      shared.get(page),
    );
    const health = await shared.get('/health');
    expect(health.status).toBe(200);
    goOn();
    const [all, found, none] = await Promise.all(pages);
    expect(all!.text).toContain('1 path,');
    expect(found!.text).toContain(storePath.toString());
    expect(none!.text).toContain('none match');
    expect(scans).toBe(1);
  });

  it('sum up a closure once for all who ask at a time', async () => {
    const services = memoryServices();
    const node = await storeTree('helloWorld', services);
    const hello = await addTree(services, 'hello', node);
    const top = await addTree(services, 'top', node, [hello.storePath]);
    const { pathInfos } = services;
    let lookUps = 0;
    let goOn = (): void => {};
    const awaited = new Promise<void>((resolve) => (goOn = resolve));
    const get = pathInfos.get.bind(pathInfos);
    pathInfos.get = async (outputHash, options) => {
      if (!hello.storePath.digest.every((b, i) => b === outputHash[i]))
        return get(outputHash, options);
      lookUps++;
      await awaited;
      return get(outputHash, options);
    };
    await using shared = await StartedCache.start({}, {}, services);
    const path = `/path/${top.storePath.hashPart}`;
    const pages = [shared.get(path), shared.get(path), shared.get(path)];
    while (lookUps === 0) await new Promise(setImmediate);
    expect((await shared.get('/health')).status).toBe(200);
    goOn();
    for (const page of pages) expect((await page).text).toContain('2 paths');
    expect(lookUps).toBe(1);
  });

  it('give the keys as plain lines', async () => {
    const { text } = await cache.get('/pubkey');
    expect(text).toBe(`${key.publicKey.toString()}\n`);
  });
});

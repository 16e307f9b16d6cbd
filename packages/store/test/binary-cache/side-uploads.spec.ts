import { describe, expect, it } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import { fileName } from './started-cache.ts';
import { cache, EXPECT, nar, useFreshCache } from './fresh-cache.ts';

useFreshCache();

describe('what clients upload beside paths', () => {
  it('is the log of a build, plain or encoded', async () => {
    const name = `${'5'.repeat(32)}-hello.drv`;
    expect((await cache.get(`/log/${name}`)).status).toBe(404);
    expect((await cache.put(`/log/${name}`, 'building\n')).status).toBe(200);
    expect((await cache.get(`/log/${name}`)).text).toBe('building\n');
    await cache.put(`/log/${name}`, gzipSync('again\n'), {
      'Content-Encoding': 'gzip',
    });
    expect((await cache.get(`/log/${name}`)).text).toBe('again\n');
    expect((await cache.put('/log/nonsense', 'x')).status).toBe(404);
  });

  it('is a realisation, whose signatures add up', async () => {
    const id = `sha256:${'ab'.repeat(32)}!out`;
    const path = `/realisations/${id}.doi`;
    const doi = (outPath: string, signature: string): string =>
      JSON.stringify({
        dependentRealisations: {},
        id,
        outPath,
        signatures: [signature],
      });
    await cache.put(path, doi('a', 'x'));
    await cache.put(path, doi('a', 'y'));
    const both = JSON.parse((await cache.get(path)).text) as {
      signatures: string[];
    };
    expect(both.signatures).toStrictEqual(['x', 'y']);
    await cache.put(path, doi('b', 'z'));
    expect((await cache.get(path)).text).toBe(doi('b', 'z'));
    const wrong = await cache.put(
      `/realisations/sha256:${'cd'.repeat(32)}!out.doi`,
      doi('a', 'x'),
    );
    expect(wrong.status).toBe(400);
    expect((await cache.put(path, '[1]')).status).toBe(400);
  });

  it.each(['id', 'value'])(
    'is a realisation with 64 signatures at most, which are no longer than one may be (%s)',
    async (form) => {
      const id = `sha256:${'ab'.repeat(32)}!out`;
      const path =
        form === 'id'
          ? `/realisations/${id}.doi`
          : `/build-trace-v2/${'6'.repeat(32)}-x.drv/out.doi`;
      const doi = (signatures: string[]): string => {
        const said = { outPath: 'a', signatures };
        return JSON.stringify(
          form === 'id' ? { id, ...said } : { value: said },
        );
      };
      const long = (letter: string): string => letter.repeat(600_000);
      expect((await cache.put(path, doi([long('a')]))).status).toBe(200);
      expect((await cache.put(path, doi([long('b')]))).status).toBe(413);
      const many = Array.from({ length: 63 }, (_, i) => String(i));
      expect((await cache.put(path, doi(many))).status).toBe(200);
      const { text } = await cache.get(path);
      expect((await cache.put(path, doi(['x']))).status).toBe(413);
      expect((await cache.put(path, doi(['0']))).status).toBe(200);
      const answer = await cache.get(path);
      expect(JSON.parse(answer.text)).toStrictEqual(JSON.parse(text));
    },
  );

  it('is a build trace of newer clients', async () => {
    const path = `/build-trace-v2/${'6'.repeat(32)}-x.drv/out.doi`;
    const doi = (signature: string): string =>
      JSON.stringify({
        key: { drvPath: 'x.drv', outputName: 'out' },
        value: { outPath: 'a', signatures: [{ keyName: 'k', sig: signature }] },
      });
    expect((await cache.get(path)).status).toBe(404);
    await cache.put(path, doi('1'));
    await cache.put(path, doi('2'));
    const json = JSON.parse((await cache.get(path)).text) as {
      value: { signatures: { sig: string }[] };
    };
    expect(json.value.signatures.map(({ sig }) => sig)).toStrictEqual([
      '1',
      '2',
    ]);
  });

  it('is no realisation whose name is too long, or whose encoding nobody knows', async () => {
    const derivation = `${'0'.repeat(32)}-${'a'.repeat(212)}`;
    const long = `/build-trace-v2/${derivation}.drv/out.doi`;
    expect((await cache.put(long, '{}')).status).toBe(404);
    expect((await cache.get(long)).status).toBe(404);
    const named = `/build-trace-v2/${'0'.repeat(32)}-a.drv/out.doi`;
    for (const encoding of ['rot13', 'constructor']) {
      const { status } = await cache.put(named, '{}', {
        'Content-Encoding': encoding,
      });
      expect(status).toBe(400);
    }
  });

  it('is debug information, which goes out under the name of the plain NAR', async () => {
    const file = gzipSync(nar);
    const path = `/debuginfo/${'ab'.repeat(20)}.debug`;
    const member = 'lib/debug/.build-id/ab/ab.debug';
    const archive = `../${fileName(file)}`;
    const put = await cache.put(path, JSON.stringify({ archive, member }));
    expect(put.status).toBe(200);
    await cache.put(`/${fileName(file)}`, file);
    const info = JSON.parse((await cache.get(path)).text) as {
      archive: string;
    };
    expect(info).toStrictEqual({ archive: `../${fileName(nar)}`, member });
    const { body } = await cache.get(info.archive.slice(2));
    expect(nar.equals(body)).toBe(true);
    const evil = { archive: 'http://example.org/x.nar', member };
    expect((await cache.put(path, JSON.stringify(evil))).status).toBe(400);
  });

  it('is a listing, of which nothing is kept', async () => {
    const path = `/${'7'.repeat(32)}.ls`;
    const { status, continued } = await cache.put(path, '{}', EXPECT);
    expect([status, continued]).toStrictEqual([200, false]);
    expect((await cache.put(path, '{}')).status).toBe(200);
    expect((await cache.get(path)).status).toBe(404);
  });
});

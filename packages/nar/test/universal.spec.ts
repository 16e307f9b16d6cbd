import { createContext, runInContext } from 'node:vm';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { buildSync } from 'esbuild';

/** The whole package as a browser would load it: one script that defines `nar`, and a context that has ECMAScript alone. */
function loadBare(): { run: (code: string) => unknown } {
  const { outputFiles } = buildSync({
    entryPoints: [fileURLToPath(new URL('../src/index.ts', import.meta.url))],
    bundle: true,
    write: false,
    platform: 'browser',
    format: 'iife',
    globalName: 'nar',
    target: 'es2022',
    logLevel: 'silent',
  });
  const context = createContext({});
  runInContext(outputFiles[0]!.text, context);
  return { run: (code) => runInContext(code, context) };
}

describe('the package', () => {
  it('runs where there is no platform', async () => {
    const { run } = loadBare();
    expect(
      run(
        'typeof process + typeof Buffer + typeof require + typeof TextDecoder',
      ),
    ).toBe('undefined'.repeat(4));
    const result = await (run(`(async () => {
      const bytes = (text) => Uint8Array.from(text, (character) => character.charCodeAt(0));
      const tree = [[
        { type: 'directory' },
        { type: 'entry', name: bytes('hello') },
        { type: 'regular', executable: true, size: 12n },
        { type: 'data', bytes: bytes('Hello World!') },
        { type: 'entry', name: bytes('link') },
        { type: 'symlink', target: bytes('hello') },
        { type: 'end' },
      ]];
      const archive = [];
      for await (const chunk of nar.writeNar(tree)) archive.push(chunk);
      const events = [];
      for await (const batch of nar.parseNar(archive)) events.push(...batch.map(({ type }) => type));
      let listing = '';
      for await (const chunk of nar.listNar(nar.parseNar(archive))) listing += String.fromCharCode(...chunk);
      const path = nar.buildTextPath('foo', bytes('bar')).toAbsolutePath();
      return JSON.stringify({ events, listing, path });
    })()`) as Promise<string>);
    expect(JSON.parse(result)).toEqual({
      events: [
        'directory',
        'entry',
        'regular',
        'data',
        'entry',
        'symlink',
        'end',
      ],
      listing:
        '{"type":"directory","entries":{"hello":{"type":"regular","size":12,"executable":true,"narOffset":264},' +
        '"link":{"type":"symlink","target":"hello"}}}',
      path: '/nix/store/vxjiwkjkn7x4079qvh1jkl5pn05j2aw0-foo',
    });
  });

  it('says what it lacks where there is no Web Crypto API', async () => {
    const failure = loadBare().run(
      `nar.SecretKey.generate('k').then(() => 'none', (error) => error.code)`,
    );
    expect(await failure).toBe('nar/unsupported-crypto');
  });

  it('gives a bundle only what it uses', () => {
    const { outputFiles } = buildSync({
      stdin: {
        contents: `export { encodeNixBase32 } from './src/index.ts'`,
        resolveDir: fileURLToPath(new URL('..', import.meta.url)),
      },
      bundle: true,
      write: false,
      minify: true,
      format: 'esm',
    });
    expect(outputFiles[0]!.contents.length).toBeLessThan(2000);
  });
});

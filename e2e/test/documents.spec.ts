import { describe, expect, it } from '@jest/globals';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const packages = readdirSync(join(root, 'packages'));

describe('docs/errors.md', () => {
  const documented = codesIn(read('docs/errors.md').replaceAll('`', "'"));

  for (const name of packages) {
    it(`names the codes of @tvix/${name}, all of them and no others`, () => {
      const declared = codesIn(read(`packages/${name}/src/errors.ts`));
      const own = documented.filter((code) => code.startsWith(`${name}/`));
      expect(own).toEqual(
        declared.filter((code) => code.startsWith(`${name}/`)),
      );
    });
  }
});

describe('the documents', () => {
  const documents = [
    ...readdirSync(root)
      .filter((name) => name.endsWith('.md'))
      .map((name) => name),
    ...[
      'docs',
      'docs/design',
      'bench',
      ...packages.map((name) => `packages/${name}`),
    ].flatMap((folder) =>
      readdirSync(join(root, folder))
        .filter((name) => name.endsWith('.md'))
        .map((name) => join(folder, name)),
    ),
  ];

  for (const document of documents) {
    it(`${document} links to files that exist`, () => {
      const links = [
        ...read(document).matchAll(/\]\(([^)#:\s]+)(?:#[^)]*)?\)/g),
      ].map((match) => match[1]!);
      const dead = links
        .map((link) => join(dirname(document), link))
        .filter((target) => !existsSync(join(root, target)))
        .map((target) => relative('.', target));
      expect(dead).toEqual([]);
    });
  }
});

/** Everything that is quoted and looks like a code, sorted, each once. */
function codesIn(text: string): string[] {
  const codes = [
    ...text.matchAll(/'((?:castore|nar|store|fs|cli)\/[a-z0-9-]+)'/g),
  ].map((match) => match[1]!);
  return [...new Set(codes)].sort();
}

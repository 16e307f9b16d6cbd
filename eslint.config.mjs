import js from '@eslint/js';
import nx from '@nx/eslint-plugin';
import jsdoc from 'eslint-plugin-jsdoc';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['**/dist', '**/gen', '**/coverage', '.nx'] },
  js.configs.recommended,
  ...tseslint.configs.recommended,
  {
    plugins: { '@nx': nx },
    files: ['**/*.ts', '**/*.mjs', '**/*.js'],
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        {
          enforceBuildableLibDependency: true,
          depConstraints: [
            // castore has no Nix dependency: that decoupling is the point of the layering.
            {
              sourceTag: 'scope:castore',
              onlyDependOnLibsWithTags: ['scope:castore'],
            },
            {
              sourceTag: 'scope:fs',
              onlyDependOnLibsWithTags: ['scope:castore', 'scope:fs'],
            },
            // nar runs in browsers and edge workers: it imports nothing at all.
            {
              sourceTag: 'scope:nar',
              onlyDependOnLibsWithTags: ['scope:nar'],
              bannedExternalImports: ['*'],
            },
            {
              sourceTag: 'scope:store',
              onlyDependOnLibsWithTags: [
                'scope:store',
                'scope:nar',
                'scope:castore',
              ],
            },
            { sourceTag: 'scope:cli', onlyDependOnLibsWithTags: ['*'] },
            { sourceTag: 'scope:e2e', onlyDependOnLibsWithTags: ['*'] },
          ],
        },
      ],
    },
  },
  {
    files: ['packages/*/test/**/*.ts', 'e2e/**/*.ts', '**/jest*.config.js'],
    // Test code may use the workspace's development dependencies (Jest, fast-check, protobufjs), and the support of other
    // tests.
    rules: { '@nx/enforce-module-boundaries': 'off' },
  },
  {
    files: ['**/*.ts'],
    rules: {
      // What is only there to be disposed of, or to be counted, is named with an underscore.
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_' },
      ],
    },
  },
  {
    files: ['packages/*/src/**/*.ts'],
    plugins: { jsdoc },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      'jsdoc/require-jsdoc': [
        'error',
        {
          publicOnly: true,
          enableFixer: false,
          require: { ClassDeclaration: true, FunctionDeclaration: true },
          contexts: ['TSInterfaceDeclaration', 'TSTypeAliasDeclaration'],
        },
      ],
    },
  },
  {
    files: ['**/*.mjs', 'bench/**', 'e2e/**'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        Buffer: 'readonly',
        URL: 'readonly',
        performance: 'readonly',
        setTimeout: 'readonly',
        setInterval: 'readonly',
        clearTimeout: 'readonly',
        clearInterval: 'readonly',
        AbortController: 'readonly',
        AbortSignal: 'readonly',
        TextEncoder: 'readonly',
        TextDecoder: 'readonly',
        fetch: 'readonly',
        structuredClone: 'readonly',
        setImmediate: 'readonly',
      },
    },
  },
);

import {
  FileCache,
  importPath,
  KnownTrees,
  localTreeUpload,
} from '@tvix/store';
import type { KnownImports } from '@tvix/store';
import type { Command, CommandContext } from '../command.ts';
import { compileLess } from '../compile-less.ts';
import { defaultClientStore } from '../config.ts';
import { CliError } from '../errors.ts';
import { forEachBounded } from '../for-each-bounded.ts';
import { importMemory } from '../import-memory.ts';
import { pathInfoJson } from '../path-info-json.ts';
import type { OpenStore } from '../services.ts';
import { withStoreToWrite } from '../with-store.ts';

/** One reads the disk while another waits for the store. */
const CONCURRENT_IMPORTS = 4;

/** Imports paths, and prints each store path when it is there: in the order in which they are done. */
export const importPaths: Command = async (context, invocation) => {
  const { operands, options } = invocation;
  if (operands.length === 0) return;
  compileLess();
  const { output, progress, json } = context;
  await withStoreToWrite(context, async (store) => {
    const { localStore, isAllLocal } = store;
    const known =
      options['fileCache'] === false
        ? undefined
        : rememberedImports(context, store);
    let failed = 0;
    await forEachBounded(operands, CONCURRENT_IMPORTS, async (path) => {
      try {
        const pathInfo = await importPath(path, store, {
          ...(known && { known }),
          ...(isAllLocal &&
            localStore && { openUpload: () => localTreeUpload(localStore) }),
          onProgress: (done) => progress.report(path, done),
        });
        const storePath = pathInfo.storePath.toAbsolutePath();
        context.debug({ path, storePath }, 'imported');
        if (json) await output.json({ path, ...pathInfoJson(pathInfo) });
        else await output.line(storePath);
      } catch (error) {
        if (operands.length === 1) throw error;
        if ((error as { readonly code?: unknown }).code === 'cli/output-closed')
          throw error;
        failed++;
        context.reportFailure(
          new CliError('cli/import-failed', `cannot import ${path}`, {
            cause: error,
          }),
        );
      }
    });
    known?.save();
    if (failed > 0)
      throw new CliError(
        'cli/some-failed',
        `${failed} of ${operands.length} paths were not imported`,
      );
  });
};

/** What is remembered of earlier imports; the files are loaded when the first tree is looked at in full. */
function rememberedImports(
  context: CommandContext,
  { narCalculation, localStore, isAllLocal }: OpenStore,
): (KnownImports & { save(): void }) | undefined {
  const addresses = context.addresses(defaultClientStore());
  const memory = importMemory(addresses, context.env);
  if (memory === undefined) return undefined;
  // What can't be remembered is read again.
  const onFailure = (error: unknown): void =>
    context.debug({ err: error }, 'what was imported was not remembered');
  let files: FileCache | undefined;
  return {
    narCalculation,
    trees: new KnownTrees(memory.trees, {
      receipts: isAllLocal ? localStore?.receipts : undefined,
      onFailure,
    }),
    get files() {
      return (files ??= FileCache.load(memory.file));
    },
    save() {
      try {
        files?.save();
      } catch (error) {
        onFailure(error);
      }
    },
  };
}

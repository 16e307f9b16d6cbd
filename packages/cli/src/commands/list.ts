import type { Command } from '../command.ts';
import { pathInfoJson } from '../path-info-json.ts';
import { withStoreToRead } from '../with-store.ts';

/** Prints every store path in the store. */
export const list: Command = async (context) => {
  const { output, json } = context;
  await withStoreToRead(context, async ({ pathInfos }) => {
    for await (const pathInfo of pathInfos.list()) {
      if (json) await output.json(pathInfoJson(pathInfo));
      else await output.line(pathInfo.storePath.toAbsolutePath());
    }
  });
};

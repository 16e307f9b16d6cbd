import { lstatSync, readdirSync, rmdirSync, unlinkSync } from 'node:fs';
import type { Dirent } from 'node:fs';
import type { DirectoryHandles } from './directory-handles.ts';

/** A directory on the way down, with what is left in it. */
interface Level {
  readonly name: Uint8Array;
  readonly entries: Dirent<Buffer>[];
}

/** Removes a name in the current directory, with all that is below it, at any depth and without following a link. */
export function removeTree(handles: DirectoryHandles, name: Uint8Array): void {
  if (!lstatSync(handles.path(name)).isDirectory()) {
    unlinkSync(handles.path(name));
    return;
  }
  const way: Level[] = [enter(handles, name)];
  for (let level = way.at(-1); level !== undefined; level = way.at(-1)) {
    const entry = level.entries.pop();
    if (entry === undefined) {
      way.pop();
      handles.leave();
      rmdirSync(handles.path(level.name));
    } else if (entry.isDirectory()) {
      way.push(enter(handles, entry.name));
    } else {
      unlinkSync(handles.path(entry.name));
    }
  }
}

function enter(handles: DirectoryHandles, name: Uint8Array): Level {
  handles.enter(name);
  const entries = readdirSync(handles.here, {
    encoding: 'buffer',
    withFileTypes: true,
  });
  return { name, entries };
}

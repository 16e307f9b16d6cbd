import type { Node } from '@tvix/castore';
import { jsonText } from './json-text.ts';

/** A castore node as JSON: its type and digest, how large it is, or where it points. */
export function nodeJson(node: Node): Readonly<Record<string, unknown>> {
  switch (node.type) {
    case 'directory':
      return {
        type: 'directory',
        digest: node.digest.toString(),
        size: Number(node.size),
      };
    case 'file':
      return {
        type: 'file',
        digest: node.digest.toString(),
        size: Number(node.size),
        executable: node.executable,
      };
    case 'symlink':
      return { type: 'symlink', target: jsonText(node.target) };
  }
}

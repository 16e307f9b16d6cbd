import { encodeNixBase32 } from '@tvix/nar';
import type { DoomedPath } from './doomed-paths.ts';

/**
 * Paths in an order in which each comes before those of them that it refers to, so that whatever is cut off in the middle
 * leaves none without what it needs. Of paths that refer to each other in a circle, which no build makes, the order is any.
 */
export function referrersFirst(paths: readonly DoomedPath[]): DoomedPath[] {
  const byName = new Map<string, DoomedPath>();
  for (const path of paths) byName.set(encodeNixBase32(path.outputHash), path);
  const referrers = new Map<DoomedPath, number>();
  const othersOf = (path: DoomedPath): DoomedPath[] =>
    path.references.flatMap((name) => {
      const other = byName.get(name);
      return other === undefined || other === path ? [] : [other];
    });
  for (const path of paths)
    for (const other of othersOf(path))
      referrers.set(other, (referrers.get(other) ?? 0) + 1);
  const ordered = paths.filter((path) => !referrers.has(path));
  // It grows while it is walked.
  for (const path of ordered) {
    for (const other of othersOf(path)) {
      const left = referrers.get(other)! - 1;
      referrers.set(other, left);
      if (left === 0) ordered.push(other);
    }
  }
  const inCircles = paths.filter((path) => (referrers.get(path) ?? 0) > 0);
  return [...ordered, ...inCircles];
}

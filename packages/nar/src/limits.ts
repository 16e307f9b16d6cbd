/** Bounds on what an archive may contain; each is checked before anything is allocated for it. */
export interface NarLimits {
  /** The longest entry name, in bytes. */
  readonly nameBytes: number;
  /** The longest symlink target, in bytes. */
  readonly targetBytes: number;
  /** The number of levels that a tree may have, its root included. */
  readonly depth: number;
}

/** The bounds of Nix itself: names of 255 bytes, targets of 4095 bytes, 64 levels. */
export const DEFAULT_NAR_LIMITS: NarLimits = /* @__PURE__ */ Object.freeze({
  nameBytes: 255,
  targetBytes: 4095,
  depth: 64,
});

/** Completes partial bounds with {@link DEFAULT_NAR_LIMITS}. */
export function resolveLimits(limits: Partial<NarLimits> = {}): NarLimits {
  return { ...DEFAULT_NAR_LIMITS, ...limits };
}

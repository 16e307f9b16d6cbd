/** Copies a frame to the front of a target; answers with its length, `undefined` where it doesn't fit. */
export function place(
  frame: Uint8Array,
  target: Uint8Array,
): number | undefined {
  if (frame.length > target.length) return undefined;
  target.set(frame);
  return frame.length;
}

/** Copies what a frame held to a target. Throws where it isn't just as long. */
export function fill(target: Uint8Array, held: Uint8Array): void {
  if (held.length !== target.length)
    throw new Error(
      `the frame holds ${held.length} bytes, its record says ${target.length}`,
    );
  target.set(held);
}

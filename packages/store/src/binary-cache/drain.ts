/** Reads a body to its end and keeps nothing of it. */
export async function drain(body: AsyncIterable<Uint8Array>): Promise<void> {
  const pieces = body[Symbol.asyncIterator]();
  while (!(await pieces.next()).done);
}

/**
 * Calls a function for each item, at most `limit` at a time, in the order of the items. After a failure no further call
 * starts; it rejects once those under way have settled.
 */
export async function forEachBounded<T>(
  items: Iterable<T>,
  limit: number,
  call: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = items[Symbol.iterator]();
  let failure: { readonly error: unknown } | undefined;
  const work = async (): Promise<void> => {
    for (;;) {
      const next = iterator.next();
      if (next.done === true || failure !== undefined) return;
      try {
        await call(next.value);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: limit }, work));
  if (failure !== undefined) throw (failure as { error: unknown }).error;
}

/**
 * Calls a function for each item, at most `limit` at a time, and answers in the order of the items. After a failure no
 * further call starts; it rejects once those under way have settled.
 */
export async function mapConcurrently<T, R>(
  items: readonly T[],
  limit: number,
  call: (item: T) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  let failure: { readonly error: unknown } | undefined;
  const work = async (): Promise<void> => {
    while (failure === undefined && next < items.length) {
      const index = next++;
      try {
        results[index] = await call(items[index] as T);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(
    Array.from({ length: Math.min(limit, items.length) }, work),
  );
  if (failure !== undefined) throw (failure as { error: unknown }).error;
  return results;
}

/** Lets go of one thing after the other, though some of it fails; throws the first failure at the end. */
export async function closeInTurn(
  closings: readonly (() => Promise<void> | void)[],
): Promise<void> {
  const failures: unknown[] = [];
  for (const close of closings) {
    try {
      await close();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

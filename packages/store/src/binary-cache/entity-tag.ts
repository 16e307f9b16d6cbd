/** Whether an `If-None-Match` header names a strong entity tag, quotes included, so that the answer is 304. */
export function matchesEntityTag(
  header: string | undefined,
  tag: string,
): boolean {
  if (header === undefined) return false;
  return header.split(',').some((part) => {
    const candidate = part.trim();
    return candidate === '*' || candidate.replace(/^W\//, '') === tag;
  });
}

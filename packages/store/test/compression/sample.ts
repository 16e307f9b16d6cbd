const WORDS =
  'store path narinfo signature closure derivation reference hash nix cache upload zero '.split(
    ' ',
  );

/** Text that compresses well, with a stretch that doesn't and one of zeros; always the same. */
export function sample(): Uint8Array {
  let state = 2026;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
  let text = '';
  while (text.length < 40_000) text += `${WORDS[next() % WORDS.length]} `;
  const noise = Uint8Array.from({ length: 3000 }, () => next() & 0xff);
  return new Uint8Array(
    Buffer.concat([Buffer.from(text), noise, Buffer.alloc(20_000), noise]),
  );
}

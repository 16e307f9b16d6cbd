/**
 * A text whose control characters show as `\xNN`, lines and tabs aside: what others have a say in mustn't move the cursor of
 * a terminal, or worse.
 */
export function visible(text: string): string {
  return text.replace(
    // eslint-disable-next-line no-control-regex -- they are what is looked for
    /[\0-\x08\x0b-\x1f\x7f-\x9f]/g,
    (character) =>
      `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

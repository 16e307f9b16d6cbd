/** Markup that is safe to send: only {@link html} makes it. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What may stand in a template: text is escaped, markup isn't. */
export type HtmlPart = string | number | bigint | Html | readonly Html[];

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Markup from a template whose values are escaped, for text and for quoted attributes. */
export function html(
  template: TemplateStringsArray,
  ...parts: readonly HtmlPart[]
): Html {
  let text = template[0]!;
  for (const [index, part] of parts.entries())
    text += render(part) + template[index + 1]!;
  return new Html(text);
}

function render(part: HtmlPart): string {
  if (part instanceof Html) return part.text;
  if (Array.isArray(part)) return part.map((item: Html) => item.text).join('');
  return String(part as string | number | bigint).replace(
    /[&<>"']/g,
    (character) => ESCAPES[character]!,
  );
}

/** Bytes of a name as text for people: what is no UTF-8 shows as U+FFFD. */
export function nameText(name: Uint8Array): string {
  return new TextDecoder().decode(name);
}

/** Bytes of a name as a component of a URL. */
export function nameUrl(name: Uint8Array): string {
  return Array.from(name, (byte) =>
    /[A-Za-z0-9._~-]/.test(String.fromCharCode(byte))
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
  ).join('');
}

/** A number of bytes for people. */
export function bytesText(bytes: bigint): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = Number(bytes);
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** A number of paths for people, with what follows the number. */
export function pathsText(count: number, more = ''): string {
  return `${count}${more} ${count === 1 ? 'path' : 'paths'}`;
}

/** Logins by host, as a netrc file has them. */
export class Netrc {
  readonly #logins: ReadonlyMap<string, string>;
  readonly #fallback: string | undefined;

  private constructor(
    logins: ReadonlyMap<string, string>,
    fallback: string | undefined,
  ) {
    this.#logins = logins;
    this.#fallback = fallback;
  }

  /** Reads `machine HOST login USER password PASSWORD`, and `default` for all other hosts. Macros and accounts don't count. */
  static parse(text: string): Netrc {
    const words = text
      .split('\n')
      .map((line) => line.replace(/(^|\s)#.*$/, ''))
      .join(' ')
      .split(/\s+/)
      .filter((word) => word !== '');
    const logins = new Map<string, string>();
    let fallback: string | undefined;
    for (let at = 0; at < words.length;) {
      const isDefault = words[at] === 'default';
      if (!isDefault && words[at] !== 'machine') {
        at++;
        continue;
      }
      const host = isDefault ? '' : (words[at + 1] ?? '');
      at += isDefault ? 1 : 2;
      const fields = new Map<string, string>();
      for (; at < words.length; at += 2) {
        const key = words[at]!;
        if (key === 'machine' || key === 'default') break;
        fields.set(key, words[at + 1] ?? '');
      }
      const login = `${fields.get('login') ?? ''}:${fields.get('password') ?? ''}`;
      if (isDefault) fallback ??= login;
      else if (!logins.has(host)) logins.set(host, login);
    }
    return new Netrc(logins, fallback);
  }

  /** `user:password` for a host; `undefined` where there is none. */
  loginFor(host: string): string | undefined {
    return this.#logins.get(host) ?? this.#fallback;
  }
}

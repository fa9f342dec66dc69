/** Text, and whether it stood there without quotes, so that it may be a number; or a collection. */
export type YamlValue = YamlScalar | null | readonly YamlValue[] | ReadonlyMap<string, YamlValue>;

export interface YamlScalar {
  readonly text: string;
  readonly isPlain: boolean;
}

const maxDepth = 30;

export function refuse(line: number, what: string): SyntaxError {
  return new SyntaxError(`line ${line}: ${what}`);
}

/** Without a comment behind it. */
export function plainText(text: string): string {
  for (let at = text.indexOf('#'); at >= 0; at = text.indexOf('#', at + 1)) {
    if (at === 0 || /\s/.test(text[at - 1] ?? '')) {
      return text.slice(0, at).trimEnd();
    }
  }
  return text.trimEnd();
}

/** Lines of a scalar as one: a line break is a blank, empty lines are line breaks. */
export function foldedText(lines: readonly string[]): string {
  let text = lines[0] ?? '';
  let empty = 0;
  for (const line of lines.slice(1)) {
    if (line === '') {
      empty++;
      continue;
    }
    text += (empty > 0 ? '\n'.repeat(empty) : ' ') + line;
    empty = 0;
  }
  return text + '\n'.repeat(empty);
}

/**
 * A quoted scalar or a flow collection.
 * @returns undefined where it is not closed yet
 * @throws {SyntaxError} with the number of the line it begins in
 */
export function parseFlow(text: string, line: number): YamlValue | undefined {
  const flow = new Flow(text, line);
  try {
    const value = flow.value(0);
    flow.end();
    return value;
  } catch (error) {
    if (error === unfinished) {
      return undefined;
    }
    throw error;
  }
}

const unfinished = new Error('It is not closed');

const escapes: Readonly<Record<string, string>> = {
  0: '\0',
  a: '\u0007',
  b: '\b',
  t: '\t',
  n: '\n',
  v: '\v',
  f: '\f',
  r: '\r',
  e: '\u001b',
  ' ': ' ',
  '"': '"',
  '/': '/',
  '\\': '\\',
  N: '\u0085',
  _: '\u00a0',
  L: '\u2028',
  P: '\u2029',
};

class Flow {
  readonly #text: string;
  readonly #line: number;
  #at = 0;

  constructor(text: string, line: number) {
    this.#text = text;
    this.#line = line;
  }

  value(depth: number): YamlValue {
    if (depth > maxDepth) {
      throw refuse(this.#line, 'too deep');
    }
    switch (this.#next()) {
      case '"':
        return { text: this.#double(), isPlain: false };
      case "'":
        return { text: this.#single(), isPlain: false };
      case '[':
        return this.#list(depth);
      case '{':
        return this.#map(depth);
      default:
        return this.#plain();
    }
  }

  end(): void {
    const rest = this.#text.slice(this.#at);
    if (plainText(rest).trim() !== '') {
      throw refuse(this.#line, 'something follows its end');
    }
  }

  /** The character that comes next, behind blanks and comments. */
  #next(): string {
    const rest = /^(?:\s|(?<=\s)#[^\n]*)*/.exec(this.#text.slice(this.#at))?.[0] ?? '';
    this.#at += rest.length;
    const found = this.#text[this.#at];
    if (found === undefined) {
      throw unfinished;
    }
    return found;
  }

  #double(): string {
    let text = '';
    for (this.#at++; ;) {
      const character = this.#text[this.#at];
      if (character === undefined) {
        throw unfinished;
      }
      this.#at++;
      if (character === '"') {
        return text;
      }
      if (character === '\n') {
        text = this.#folded(text);
      } else if (character === '\\') {
        text += this.#escape();
      } else {
        text += character;
      }
    }
  }

  #escape(): string {
    const rest = this.#text.slice(this.#at);
    if (rest === '') {
      throw unfinished;
    }
    const joined = /^\n\s*/.exec(rest);
    if (joined) {
      this.#at += joined[0].length;
      return '';
    }
    const code = /^(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8}))/.exec(rest);
    const point = Number.parseInt(code?.[1] ?? code?.[2] ?? code?.[3] ?? '', 16);
    const text = code
      ? point <= 0x10ffff
        ? String.fromCodePoint(point)
        : undefined
      : escapes[rest[0] ?? ''];
    if (text === undefined) {
      throw refuse(this.#line, `\\${rest[0] ?? ''} is not understood`);
    }
    this.#at += code?.[0].length ?? 1;
    return text;
  }

  #single(): string {
    let text = '';
    for (this.#at++; ;) {
      const character = this.#text[this.#at];
      if (character === undefined) {
        throw unfinished;
      }
      this.#at++;
      if (character === "'") {
        if (this.#text[this.#at] !== "'") {
          return text;
        }
        this.#at++;
      }
      text = character === '\n' ? this.#folded(text) : text + character;
    }
  }

  /** Behind a line break. */
  #folded(text: string): string {
    const rest = /^\s*/.exec(this.#text.slice(this.#at))?.[0] ?? '';
    this.#at += rest.length;
    const empty = rest.split('\n').length - 1;
    return text.trimEnd() + (empty > 0 ? '\n'.repeat(empty) : ' ');
  }

  #plain(): YamlValue {
    const found = /^(?:(?!:(?:\s|$|[,[\]{}])|\s#)[^,[\]{}\n])+/.exec(this.#text.slice(this.#at))?.[0] ?? '';
    if (found === '' || '&*!|>%@`'.includes(found[0] ?? '')) {
      throw refuse(this.#line, `${this.#text[this.#at] ?? ''} is not understood`);
    }
    this.#at += found.length;
    return { text: found.trim(), isPlain: true };
  }

  #list(depth: number): YamlValue {
    const items: YamlValue[] = [];
    for (this.#at++; this.#next() !== ']';) {
      items.push(this.value(depth + 1));
      this.#separated(']');
    }
    this.#at++;
    return items;
  }

  #map(depth: number): YamlValue {
    const map = new Map<string, YamlValue>();
    for (this.#at++; this.#next() !== '}';) {
      const key = this.value(depth + 1);
      if (key === null || !('text' in key) || map.has(key.text)) {
        throw refuse(this.#line, 'a key is missing or stands there twice');
      }
      const isGiven = this.#next() === ':';
      this.#at += isGiven ? 1 : 0;
      const isEmpty = !isGiven || ',}'.includes(this.#next());
      map.set(key.text, isEmpty ? null : this.value(depth + 1));
      this.#separated('}');
    }
    this.#at++;
    return map;
  }

  /** A comma, or the end, which stays. */
  #separated(end: string): void {
    const next = this.#next();
    if (next === ',') {
      this.#at++;
    } else if (next !== end) {
      throw refuse(this.#line, `${next} is not understood`);
    }
  }
}

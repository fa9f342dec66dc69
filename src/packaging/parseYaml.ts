import { foldedText, parseFlow, plainText, refuse, type YamlValue } from './yamlScalars.ts';

interface Line {
  readonly indent: number;
  /** Without its indent. */
  readonly text: string;
  /** From 1. */
  readonly number: number;
}

/** Deeper than any description of a package. */
const maxDepth = 30;

/** Most lines of one quoted text or flow collection. */
const maxFlowLines = 200;

/**
 * What people write into `Chart.yaml` and its like: block and flow collections, plain, quoted and block scalars, comments.
 * What would mean more than it shows, anchors, aliases, tags and several documents, is refused.
 * @throws {SyntaxError} with the number of the line
 */
export function parseYaml(text: string): YamlValue {
  const lines = text
    .replace(/^\ufeff/, '')
    .split(/\r\n|\r|\n/)
    .map((line, index): Line => {
      const content = line.replace(/^ */, '');
      return { indent: line.length - content.length, text: content.trimEnd(), number: index + 1 };
    });
  return new Reader(lines).document();
}

class Reader {
  readonly #lines: Line[];
  #at = 0;

  constructor(lines: Line[]) {
    this.#lines = lines;
  }

  document(): YamlValue {
    while (this.#peek()?.text.startsWith('%') === true) {
      this.#at++;
    }
    const first = this.#peek();
    if (first && /^---(?:\s*#.*)?$/.test(first.text)) {
      this.#at++;
    }
    const value = this.#block(0, 0);
    const rest = this.#peek();
    if (rest && !(rest.indent === 0 && rest.text === '...')) {
      throw refuse(rest.number, 'it does not belong to what stands above');
    }
    return value;
  }

  /** The next line that says something. */
  #peek(): Line | undefined {
    for (; this.#at < this.#lines.length; this.#at++) {
      const line = this.#lines[this.#at];
      if (line && line.text !== '' && !line.text.startsWith('#')) {
        if (line.text.startsWith('\t')) {
          throw refuse(line.number, 'a tab does not indent');
        }
        return line;
      }
    }
    return undefined;
  }

  /** What is indented by at least so many blanks. */
  #block(least: number, depth: number): YamlValue {
    const line = this.#peek();
    if (!line || line.indent < least) {
      return null;
    }
    if (depth > maxDepth) {
      throw refuse(line.number, 'too deep');
    }
    if (isItem(line)) {
      return this.#sequence(line.indent, depth);
    }
    if (keyOf(line.text) !== undefined) {
      return this.#mapping(line.indent, depth);
    }
    this.#at++;
    return this.#scalar(line, line.text, least - 1);
  }

  #sequence(indent: number, depth: number): YamlValue {
    const items: YamlValue[] = [];
    for (let line = this.#peek(); line?.indent === indent && isItem(line); line = this.#peek()) {
      const rest = line.text.slice(1).trimStart();
      if (rest === '' || rest.startsWith('#')) {
        this.#at++;
        items.push(this.#block(indent + 1, depth + 1));
      } else if (keyOf(rest) !== undefined || /^-(?:\s|$)/.test(rest)) {
        // What begins behind the hyphen goes on below where it begins.
        const inner = { ...line, indent: indent + line.text.length - rest.length, text: rest };
        this.#lines[this.#at] = inner;
        items.push(this.#block(inner.indent, depth + 1));
      } else {
        this.#at++;
        items.push(this.#scalar(line, rest, indent));
      }
    }
    return items;
  }

  #mapping(indent: number, depth: number): YamlValue {
    const map = new Map<string, YamlValue>();
    for (let line = this.#peek(); line?.indent === indent && !isItem(line); line = this.#peek()) {
      const found = keyOf(line.text);
      if (!found) {
        break;
      }
      const { key, rest } = found;
      if (map.has(key)) {
        throw refuse(line.number, `${key} stands there twice`);
      }
      this.#at++;
      map.set(
        key,
        rest === '' || rest.startsWith('#')
          ? this.#below(indent, depth + 1)
          : this.#scalar(line, rest, indent),
      );
    }
    return map;
  }

  /** The value of a key with nothing behind it: a sequence may stand right below it. */
  #below(indent: number, depth: number): YamlValue {
    const next = this.#peek();
    return next?.indent === indent && isItem(next)
      ? this.#sequence(indent, depth)
      : this.#block(indent + 1, depth);
  }

  /** What begins in a line, and goes on in those that are indented more than `indent`. */
  #scalar(line: Line, text: string, indent: number): YamlValue {
    const [first = ''] = text;
    if ('&*!@`%'.includes(first)) {
      throw refuse(line.number, `${first} is not understood`);
    }
    if (first === '|' || first === '>') {
      return this.#blockScalar(line, text, indent);
    }
    if ('"\'[{'.includes(first)) {
      // Until it is closed; what is missing then is missed by who reads it.
      let whole = text;
      for (let lines = 1; ; lines++) {
        const value = parseFlow(whole, line.number);
        if (value !== undefined) {
          return value;
        }
        const next = this.#lines[this.#at++];
        if (!next || lines === maxFlowLines) {
          throw refuse(line.number, `${first} is not closed`);
        }
        whole += `\n${next.text}`;
      }
    }
    const parts = [plainText(text)];
    if (isItem({ ...line, text }) || keyOf(text) !== undefined) {
      throw refuse(line.number, 'a collection does not begin there');
    }
    let isOver = parts[0] !== text.trimEnd();
    while (!isOver) {
      const next = this.#lines[this.#at];
      if (!next || next.text.startsWith('#') || (next.text !== '' && next.indent <= indent)) {
        break;
      }
      const part = plainText(next.text);
      if (keyOf(part) !== undefined) {
        throw refuse(next.number, 'a key does not belong there');
      }
      isOver = part !== next.text;
      parts.push(part);
      this.#at++;
    }
    while (parts.length > 1 && parts.at(-1) === '') {
      parts.pop();
    }
    return { text: foldedText(parts), isPlain: true };
  }

  #blockScalar(line: Line, header: string, indent: number): YamlValue {
    const found = /^([|>])(?:([1-9])([+-])?|([+-])([1-9])?)?(?:\s+#.*)?$/.exec(header);
    if (!found) {
      throw refuse(line.number, 'its first line says more than is understood');
    }
    const [, style] = found;
    const digit = found[2] ?? found[5];
    const chomp = found[3] ?? found[4];
    const lines: Line[] = [];
    for (let next = this.#lines[this.#at]; next; next = this.#lines[++this.#at]) {
      if (next.text !== '' && next.indent <= indent) {
        break;
      }
      lines.push(next);
    }
    const least =
      digit === undefined
        ? (lines.find(({ text }) => text !== '')?.indent ?? 0)
        : Math.max(indent, 0) + Number(digit);
    const texts = lines.map((each) => ' '.repeat(Math.max(0, each.indent - least)) + each.text);
    let trailing = 0;
    while (texts.length > 0 && (texts.at(-1) ?? '').trim() === '') {
      texts.pop();
      trailing++;
    }
    const body = style === '|' ? texts.join('\n') : folded(texts);
    const end = chomp === '-' || texts.length === 0 ? '' : '\n';
    return { text: body + end + (chomp === '+' ? '\n'.repeat(trailing) : ''), isPlain: false };
  }
}

/** `key:` with what stands behind it. */
function keyOf(text: string): { readonly key: string; readonly rest: string } | undefined {
  const [first = ''] = text;
  const isQuoted = first === '"' || first === "'";
  if (!isQuoted && (/[#[\]{},&*!|>%@`]/.test(first) || /^[?-](?:\s|$)/.test(text))) {
    return undefined;
  }
  const close = isQuoted ? text.indexOf(first, 1) + 1 : 0;
  for (let at = text.indexOf(':', close); at > 0; at = text.indexOf(':', at + 1)) {
    if (at + 1 === text.length || /\s/.test(text[at + 1] ?? '')) {
      const before = text.slice(0, at).trimEnd();
      const isKey = isQuoted ? close > 0 && before.length === close : plainText(before) === before;
      return isKey
        ? { key: isQuoted ? before.slice(1, -1) : before, rest: text.slice(at + 1).trimStart() }
        : undefined;
    }
  }
  return undefined;
}

function isItem({ text }: Line): boolean {
  return /^-(?:\s|$)/.test(text);
}

/** Lines of `>`: joined, but for those that are indented more. */
function folded(lines: readonly string[]): string {
  let text = lines[0] ?? '';
  let isKept = /^\s/.test(text);
  let empty = text === '' ? 1 : 0;
  for (const line of lines.slice(1)) {
    if (line === '') {
      empty++;
      continue;
    }
    const keeps = /^\s/.test(line);
    const joint = empty > 0 ? '\n'.repeat(empty + (keeps || isKept ? 1 : 0)) : keeps || isKept ? '\n' : ' ';
    text += (text === '' ? '\n'.repeat(empty) : joint) + line;
    isKept = keeps;
    empty = 0;
  }
  return text;
}

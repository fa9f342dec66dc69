import { jsonTokens } from './jsonTokens.ts';

/** Deepest level that gets lines of its own; what is nested deeper stays on one line. */
const maxLevel = 32;

/** Most characters of the result: a text of brackets alone would become a hundred times as long. */
const maxLength = 48 * 1024 * 1024;

/**
 * The same JSON with lines and indents: keys, their order and doubles, numbers and escapes stay as they are.
 * @returns the text itself where it is not JSON, or would grow beyond all measure
 */
export function indented(text: string): string {
  if (!isJsonText(text)) {
    return text;
  }
  const parts: string[] = [];
  let length = 0;
  let level = 0;
  let before = '';
  for (const { kind, start, end } of jsonTokens(text)) {
    const closes = kind === '}' || kind === ']';
    if (closes) {
      level--;
    }
    const opened = before === '{' || before === '[';
    if ((closes ? !opened : opened || before === ',') && level <= maxLevel - (closes ? 1 : 0)) {
      parts.push('\n', '  '.repeat(level));
      length += 1 + level * 2;
    }
    parts.push(kind === ':' ? ': ' : text.slice(start, end));
    length += end - start + 1;
    if (length > maxLength) {
      return text;
    }
    if (kind === '{' || kind === '[') {
      level++;
    }
    before = kind;
  }
  return parts.join('');
}

function isJsonText(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

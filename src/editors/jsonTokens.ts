/** A piece of JSON text: a bracket, a comma, a colon, a string with its quotes, or a number or word. */
export interface JsonToken {
  readonly kind: '{' | '}' | '[' | ']' | ',' | ':' | 'string' | 'other';
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

/**
 * The tokens of any text, white space left out. Never recurses and never fails, whatever a server wrote: an open string
 * ends with the text.
 */
export function* jsonTokens(text: string): Generator<JsonToken, void, undefined> {
  let at = 0;
  while (at < text.length) {
    const start = at;
    const character = text[at] ?? '';
    at++;
    switch (character) {
      case ' ':
      case '\n':
      case '\r':
      case '\t':
        continue;
      case '{':
      case '}':
      case '[':
      case ']':
      case ',':
      case ':':
        yield { kind: character, start, end: at };
        continue;
      case '"':
        at = endOfString(text, at);
        yield { kind: 'string', start, end: at };
        continue;
      default:
        while (at < text.length && !isDelimiter(text.charCodeAt(at))) {
          at++;
        }
        yield { kind: 'other', start, end: at };
    }
  }
}

function endOfString(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x5c) {
      at++;
    } else if (code === 0x22) {
      return at + 1;
    }
  }
  return text.length;
}

function isDelimiter(code: number): boolean {
  switch (code) {
    case 0x20: // space
    case 0x0a: // line feed
    case 0x0d: // carriage return
    case 0x09: // tab
    case 0x22: // "
    case 0x2c: // ,
    case 0x3a: // :
    case 0x5b: // [
    case 0x5d: // ]
    case 0x7b: // {
    case 0x7d: // }
      return true;
    default:
      return false;
  }
}

/** One challenge of a `WWW-Authenticate` header (RFC 9110, section 11.6.1). */
export interface Challenge {
  /** Lower case: `bearer`, `basic`. */
  readonly scheme: string;
  /** Names in lower case. */
  readonly params: Readonly<Record<string, string>>;
}

/** Longest header that is read. */
const maxHeader = 16 * 1024;
const tokenCharacter = /[!#$%&'*+.^_`|~0-9A-Za-z-]/;

/**
 * All challenges of all header lines: any number in a line, parameters in any order, quoted or not. What breaks the
 * grammar is passed over; the time is linear in the length.
 */
export function parseChallenges(headers: string | readonly string[] | undefined): readonly Challenge[] {
  const lines = typeof headers === 'string' ? [headers] : (headers ?? []);
  return lines.flatMap((line) => parseLine(line.slice(0, maxHeader)));
}

function parseLine(line: string): readonly Challenge[] {
  const challenges: { scheme: string; params: Record<string, string> }[] = [];
  let at = 0;
  const skip = (pattern: RegExp): void => {
    while (at < line.length && pattern.test(line.charAt(at))) {
      at++;
    }
  };
  const token = (): string => {
    const start = at;
    skip(tokenCharacter);
    return line.slice(start, at);
  };
  while (at < line.length) {
    skip(/[\s,]/);
    const name = token();
    if (name === '') {
      at++;
      continue;
    }
    const end = at;
    skip(/\s/);
    const current = challenges.at(-1);
    if (line.charAt(at) !== '=') {
      challenges.push({ scheme: name.toLowerCase(), params: Object.create(null) as Record<string, string> });
      // A token68, as NTLM sends, is nobody's parameter.
      at = at === end ? end : skipToken68(line, at);
      continue;
    }
    at++;
    skip(/\s/);
    const value = line.charAt(at) === '"' ? quoted() : token();
    if (current) {
      current.params[name.toLowerCase()] ??= value;
    }
  }
  return challenges;

  function quoted(): string {
    let text = '';
    for (at++; at < line.length && line.charAt(at) !== '"'; at++) {
      if (line.charAt(at) === '\\') {
        at++;
      }
      text += line.charAt(at);
    }
    at++;
    return text;
  }
}

/** Behind a token68, or where it stood when what follows is a parameter. */
function skipToken68(line: string, at: number): number {
  const match = /^[A-Za-z0-9._~+/-]+=*(?=\s*(?:,|$))/.exec(line.slice(at, at + 4096));
  return match && !/^[^=]+=[^=]/.test(match[0]) ? at + match[0].length : at;
}

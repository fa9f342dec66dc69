/** Deepest nesting of JSON that is looked at. */
const maxDepth = 64;

/**
 * `JSON.parse` of what a server says.
 * @returns undefined for what is nested too deep
 * @throws {SyntaxError} for what is not JSON
 */
export function parseBounded(text: string): unknown {
  return isTooDeep(text) ? undefined : JSON.parse(text);
}

/** Looked at before it is parsed: a text of brackets alone would take a second. */
function isTooDeep(text: string): boolean {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (inString) {
      if (code === 0x5c) {
        at++;
      } else if (code === 0x22) {
        inString = false;
      }
    } else if (code === 0x22) {
      inString = true;
    } else if (code === 0x7b || code === 0x5b) {
      if (++depth > maxDepth) {
        return true;
      }
    } else if (code === 0x7d || code === 0x5d) {
      depth--;
    }
  }
  return false;
}

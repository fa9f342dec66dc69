/**
 * The first name that stands twice in one object of a JSON text, which programs read as they please: the one takes the
 * first value, the other the last. Undefined when there is none.
 * @param text that `JSON.parse` takes
 */
export function duplicateKey(text: string): string | undefined {
  const objects: Set<string>[] = [];
  const token = /"(?:[^"\\]|\\.)*"(\s*:)?|[{}]/g;
  for (let match = token.exec(text); match; match = token.exec(text)) {
    const [found, colon] = match;
    if (found === '{') {
      objects.push(new Set());
    } else if (found === '}') {
      objects.pop();
    } else if (colon !== undefined) {
      const quoted = found.slice(0, -colon.length);
      const name = quoted.includes('\\') ? (JSON.parse(quoted) as string) : quoted.slice(1, -1);
      const names = objects.at(-1);
      if (names?.has(name) === true) {
        return name;
      }
      names?.add(name);
    }
  }
  return undefined;
}

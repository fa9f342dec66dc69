export type Matcher = (text: string) => boolean;

/**
 * Whole and without case; `*` stands for anything. Each part between stars is looked for once, from left to right, so that
 * no text takes longer than its length, whatever a user's pattern is.
 */
export function globMatcher(pattern: string): Matcher {
  const [first = '', ...rest] = pattern.toLowerCase().split('*');
  const last = rest.pop();
  if (last === undefined) {
    return (text) => text.toLowerCase() === first;
  }
  return (text) => {
    const lower = text.toLowerCase();
    const end = lower.length - last.length;
    let at = first.length;
    if (at > end || !lower.startsWith(first) || !lower.endsWith(last)) {
      return false;
    }
    for (const part of rest) {
      const found = lower.indexOf(part, at);
      at = found + part.length;
      if (found < 0 || at > end) {
        return false;
      }
    }
    return true;
  };
}

const digestTag = /^[a-z0-9][a-z0-9+._-]{0,31}-[0-9a-f]{64,128}/;

/**
 * For tags: `{digest}` at the start stands for `sha256-<hex>`, as the referrers tag schema and cosign write a digest.
 * 64 digits at least, as many images are tagged with a git commit of 40 after a name.
 */
export function tagMatcher(pattern: string): Matcher {
  if (!pattern.startsWith('{digest}')) {
    return globMatcher(pattern);
  }
  const rest = globMatcher(pattern.slice('{digest}'.length));
  return (tag) => {
    const [digest] = digestTag.exec(tag) ?? [];
    return digest !== undefined && rest(tag.slice(digest.length));
  };
}

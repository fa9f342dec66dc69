/**
 * Text of a server, file or manifest made harmless for a message, a label or a one-line prompt: no control characters, no
 * direction marks, no `[text](command:…)` that VS Code would make a link of, and an end.
 */
export function plainText(text: string, limit = 300): string {
  const clean = text
    .replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]+/g, ' ')
    .replaceAll('](', '] (')
    .trim();
  return clean.length > limit ? `${clean.slice(0, limit - 1)}…` : clean;
}

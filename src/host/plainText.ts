import { withoutControls } from '../base/controls.ts';

/** Most characters that are looked at, so that no text takes longer than its reader would. */
const maxRead = 16 * 1024;

/**
 * Text of a server, file or manifest made harmless for a message, a label or a one-line prompt: no control characters, no
 * direction marks, no `[text](command:…)` or `$(icon)` that VS Code would make a link or a picture of, and an end.
 */
export function plainText(text: string, limit = 300): string {
  const clean = withoutControls(text.slice(0, maxRead))
    .replaceAll('](', '] (')
    .replaceAll('$(', '$ (')
    .trim();
  return clean.length > limit ? `${clean.slice(0, limit - 1)}…` : clean;
}

import { l10n, MarkdownString } from 'vscode';
import { humanSize } from '../artifacts/facts.ts';
import type { Named } from '../browse/browser.ts';
import { plainText } from '../host/plainText.ts';

/** Most annotations that are shown. */
const maxAnnotations = 12;

/** Everything about a row that has no room in it. Text of the registry is appended as text, never as Markdown. */
export function tooltipOf(named: Named): MarkdownString {
  const { type, descriptor, manifest } = named;
  const text = new MarkdownString(undefined, true);
  const line = (name: string, value: string): void => {
    text.appendMarkdown(`\n\n**${name}** `);
    text.appendText(plainText(value, 256));
  };
  text.appendText(plainText(type.name));
  line(l10n.t('Digest'), descriptor.digest);
  line(l10n.t('Media type'), descriptor.mediaType);
  if (manifest?.artifactType !== undefined) {
    line(l10n.t('Artifact type'), manifest.artifactType);
  }
  if (named.size !== undefined) {
    line(l10n.t('Size'), `${humanSize(named.size)} (${named.size})`);
  }
  if (named.created) {
    line(l10n.t('Created'), named.created.toISOString());
  }
  const [evidence] = type.evidence;
  line(l10n.t('Named by'), `${type.rule}${evidence ? `: ${evidence.field} = ${evidence.value}` : ''}`);
  if (named.partial) {
    line(l10n.t('Note'), l10n.t('Named without reading the manifest; open it to know more.'));
  }
  for (const [name, value] of Object.entries(manifest?.annotations ?? descriptor.annotations ?? {}).slice(
    0,
    maxAnnotations,
  )) {
    line(plainText(name, 100).replace(/[^\w./-]/g, ' '), value);
  }
  return text;
}

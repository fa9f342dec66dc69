import { l10n } from 'vscode';
import type { TypeRow } from '../artifacts/table.ts';
import { categoryText } from '../host/categoryText.ts';
import type { ArtifactType, Evidence } from '../artifacts/type.ts';
import { plainText } from '../host/plainText.ts';
import { ignoredTexts, ruleTexts } from '../host/typeTexts.ts';

export interface Explained {
  /** `ghcr.io/owner/app:1.4.2`. */
  readonly title: string;
  readonly type: ArtifactType;
  /** Of the table; undefined for what is no manifest, or known to no row. */
  readonly row: TypeRow | undefined;
  /** What to type to get it; undefined for a layer or config. */
  readonly pull: string | undefined;
  readonly isManifest: boolean;
}

/** Why something is called what it is, as Markdown in which nothing of a registry is anything but text. */
export function explainText({ title, type, row, pull, isManifest }: Explained): string {
  const fact = (name: string, value: string | undefined): readonly string[] =>
    value === undefined || value === '' ? [] : [`- **${name}:** ${value}`];
  const rules = Object.entries(ruleTexts) as readonly [ArtifactType['rule'], () => string][];
  const found = rules.findIndex(([rule]) => rule === type.rule);
  return [
    `# ${escaped(type.name)}`,
    '',
    escaped(title),
    '',
    ...fact(l10n.t('Id'), escaped(type.id)),
    ...fact(l10n.t('Category'), categoryText(type.category)),
    ...fact(l10n.t('Tool'), row?.tool && escaped(row.tool)),
    ...fact(l10n.t('Documentation'), docsLink(row?.docs)),
    ...fact(l10n.t('Rule'), `${escaped(type.rule)}: ${ruleTexts[type.rule]()}`),
    '',
    `## ${l10n.t('What decided')}`,
    '',
    ...type.evidence.map((item) => `- ${evidenceText(item)}`),
    '',
    ...(isManifest
      ? [
          `## ${l10n.t('Order of precedence')}`,
          '',
          ...rules.map(([, text], index) =>
            index === found
              ? `${index + 1}. **${text()} ← ${l10n.t('found here')}**`
              : `${index + 1}. ${text()}`,
          ),
          '',
          l10n.t(
            'What says only how an image is stored, and carriers of any content, are tried after all others.',
          ),
          '',
          `## ${l10n.t('What was ignored')}`,
          '',
          ...((type.ignored ?? []).length === 0 ? [l10n.t('Nothing else could have told the type.')] : []),
          ...(type.ignored ?? []).map((item) => `- ${evidenceText(item)}: ${ignoredTexts[item.why]()}`),
          '',
          type.refinable
            ? l10n.t('The config, not read yet, could still refine the name.')
            : l10n.t('Nothing that was not read could refine the name.'),
          '',
        ]
      : []),
    ...(pull === undefined ? [] : [`## ${l10n.t('How to get it')}`, '', `    ${oneLine(pull)}`, '']),
  ].join('\n');
}

function evidenceText({ field, value }: Evidence): string {
  return `${escaped(field)} = ${escaped(value)}`;
}

/** Every sign of ASCII that could mean something to Markdown, HTML or a finder of links, behind a backslash. */
function escaped(text: string): string {
  return plainText(text, 600).replace(/[!-/:-@[-`{-~]/g, '\\$&');
}

function oneLine(text: string): string {
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+/g,
    ' ',
  );
}

/** Https only, and nothing that could end the link early. */
function docsLink(docs: string | undefined): string | undefined {
  if (docs === undefined || !docs.startsWith('https://') || !URL.canParse(docs)) {
    return undefined;
  }
  const url = new URL(docs).href.replace(/[<>()\\\s]/g, (sign) => `%${sign.charCodeAt(0).toString(16)}`);
  return `[${escaped(docs)}](<${url}>)`;
}

import {
  Disposable,
  DocumentLink,
  Hover,
  InlayHint,
  l10n,
  languages,
  MarkdownString,
  Range,
  Uri,
  type TextDocument,
} from 'vscode';
import { humanSize } from '../artifacts/facts.ts';
import { nameByDescriptor } from '../artifacts/identify.ts';
import { configName, layerName } from '../artifacts/layerName.ts';
import { Command, scheme } from '../contributions.ts';
import { fromUri, toUri } from '../host/ociUri.ts';
import { plainText } from '../host/plainText.ts';
import type { Services } from '../host/services.ts';
import { setting } from '../host/settings.ts';
import { registerFileSystem } from './fileSystem.ts';
import { digestLinks, type DigestLink } from './links.ts';
import { registerOpen } from './open.ts';

/** Documents of the scheme `oci:`, what opens them, and what makes them readable. */
export function registerEditors(services: Services): Disposable {
  const selector = { scheme };
  return Disposable.from(
    registerFileSystem(services),
    registerOpen(services),
    languages.registerDocumentLinkProvider(selector, {
      provideDocumentLinks: (document) =>
        linksOf(document).map((link) => {
          const target = toUri(link.location).toString();
          const command = Uri.parse(
            `command:${Command.openDescriptor}?${encodeURIComponent(JSON.stringify([target]))}`,
          );
          const found = new DocumentLink(rangeOf(document, link), command);
          found.tooltip = l10n.t('Open {0}', shortName(link));
          return found;
        }),
    }),
    languages.registerHoverProvider(selector, {
      provideHover: (document, position) => {
        const link = linksOf(document).find((each) => rangeOf(document, each).contains(position));
        if (!link) {
          return undefined;
        }
        const text = new MarkdownString();
        text.appendText(
          `${shortName(link)} · ${humanSize(link.location.size)} · ${plainText(link.location.mediaType)}`,
        );
        return new Hover(text, rangeOf(document, link));
      },
    }),
    languages.registerInlayHintsProvider(selector, {
      provideInlayHints: (document, range) =>
        setting('inlayHints')
          ? linksOf(document)
              .filter((link) => range.contains(document.positionAt(link.end)))
              .map((link) => {
                const hint = new InlayHint(
                  document.positionAt(link.end + 1),
                  `${shortName(link)} · ${humanSize(link.location.size)}`,
                );
                hint.paddingLeft = true;
                return hint;
              })
          : [],
    }),
  );
}

function linksOf(document: TextDocument): readonly DigestLink[] {
  const location = fromUri(document.uri);
  return location ? digestLinks(document.getText(), location) : [];
}

function rangeOf(document: TextDocument, { start, end }: DigestLink): Range {
  return new Range(document.positionAt(start), document.positionAt(end));
}

/** By what the descriptor in the document says; nothing is read for it. */
function shortName({ location }: DigestLink): string {
  switch (location.kind) {
    case 'manifest':
    case 'index':
      return plainText(nameByDescriptor(location).name);
    case 'config':
      return plainText(configName(location));
    default:
      return plainText(layerName(location));
  }
}

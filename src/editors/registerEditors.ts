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
import type { TypeTable } from '../artifacts/table.ts';
import type { Location } from '../browse/location.ts';
import { Command, scheme } from '../contributions.ts';
import { fromUri, toUri } from '../host/ociUri.ts';
import { plainText } from '../host/plainText.ts';
import type { Services } from '../host/services.ts';
import { setting } from '../host/settings.ts';
import { registerFileSystem } from './fileSystem.ts';
import { registerLenses } from './lenses.ts';
import { digestLinks, type DigestLink } from './links.ts';
import { nameOf, typeOf } from './nameOf.ts';
import { registerOpen } from './open.ts';
import { createDocumentReader } from './readDocument.ts';

/** Made a link of the editor when it is pointed at: five thousand are there at once. */
class LinkOfDigest extends DocumentLink {
  readonly link: Named;

  constructor(range: Range, link: Named) {
    super(range);
    this.link = link;
  }
}

/** Documents of the scheme `oci:`, what opens them, and what makes them readable. */
export function registerEditors(services: Services): Disposable {
  const selector = { scheme };
  const reader = createDocumentReader(services.manifests);
  const linksOf = (document: TextDocument): readonly Named[] =>
    namedLinksOf(document, services.types.table());
  return Disposable.from(
    registerFileSystem(services, reader),
    registerOpen(services, reader),
    registerLenses(services),
    languages.registerDocumentLinkProvider(selector, {
      provideDocumentLinks: (document) =>
        linksOf(document).map((link) => {
          const found = new LinkOfDigest(rangeOf(document, link), link);
          found.tooltip = l10n.t('Open {0}', textOf(link));
          return found;
        }),
      resolveDocumentLink: (found) => {
        if (found instanceof LinkOfDigest) {
          const target = toUri(found.link.location).toString();
          found.target = Uri.parse(
            `command:${Command.openDescriptor}?${encodeURIComponent(JSON.stringify([target]))}`,
          );
        }
        return found;
      },
    }),
    languages.registerHoverProvider(selector, {
      provideHover: (document, position) => {
        const offset = document.offsetAt(position);
        const link = linksOf(document).find(({ start, end }) => start <= offset && offset <= end);
        return link && new Hover(hoverText(link), rangeOf(document, link));
      },
    }),
    languages.registerInlayHintsProvider(selector, {
      onDidChangeInlayHints: services.types.onDidChange,
      provideInlayHints: (document, range) => {
        if (!setting('inlayHints')) {
          return [];
        }
        const [from, to] = [document.offsetAt(range.start), document.offsetAt(range.end)];
        return linksOf(document)
          .filter(({ start }) => from < start && start <= to)
          .map((link) => {
            // Before the digest: behind its 71 characters it would be out of sight.
            const hint = new InlayHint(document.positionAt(link.start - 1), textOf(link));
            hint.paddingRight = true;
            return hint;
          });
      },
    }),
  );
}

interface Named extends DigestLink {
  readonly shortName: string;
}

interface Parsed {
  readonly version: number;
  readonly table: TypeTable;
  readonly links: readonly Named[];
}

/** Looked through once a version and table of types, whoever asks: links, hovers and, at every scroll, hints. */
const parsed = new WeakMap<TextDocument, Parsed>();

function namedLinksOf(document: TextDocument, table: TypeTable): readonly Named[] {
  const held = parsed.get(document);
  if (held?.version === document.version && held.table === table) {
    return held.links;
  }
  const location = fromUri(document.uri);
  const links = location ? namedLinks(document.getText(), location, table) : [];
  parsed.set(document, { version: document.version, table, links });
  return links;
}

function namedLinks(text: string, from: Location, table: TypeTable): readonly Named[] {
  const owner = typeOf(from, new TextEncoder().encode(text), table);
  return digestLinks(text, from).map((link) => ({
    ...link,
    shortName: nameOf(link.location, link.descriptor, table, owner),
  }));
}

function rangeOf(document: TextDocument, { start, end }: DigestLink): Range {
  return new Range(document.positionAt(start), document.positionAt(end));
}

/** `Image · 712 B` */
function textOf({ location: { size }, shortName }: Named): string {
  return size === undefined ? shortName : `${shortName} · ${humanSize(size)}`;
}

/** What the document says, as text and never as Markdown. */
function hoverText(link: Named): MarkdownString {
  const { mediaType, digest, size } = link.descriptor;
  const text = new MarkdownString();
  text.appendMarkdown('**').appendText(textOf(link)).appendMarkdown('**');
  const lines = [
    plainText(link.location.name ?? ''),
    plainText(mediaType, 256),
    link.location.size === undefined ? '' : l10n.t('{0} bytes', size),
    digest,
  ];
  for (const line of lines.filter(Boolean)) {
    text.appendMarkdown('\n\n').appendText(line);
  }
  return text;
}

import { CodeLens, l10n, languages, Range, type Command as LensCommand, type Disposable } from 'vscode';
import { humanSize } from '../artifacts/facts.ts';
import { Command, scheme } from '../contributions.ts';
import type { Location } from '../browse/location.ts';
import { fromUri, toUri } from '../host/ociUri.ts';
import { plainText } from '../host/plainText.ts';
import type { Services } from '../host/services.ts';
import { nameOf, typeOf } from './nameOf.ts';

/** One line above a document: what it is, and what one does with it. */
export function registerLenses({ manifests, types }: Pick<Services, 'manifests' | 'types'>): Disposable {
  return languages.registerCodeLensProvider(
    { scheme },
    {
      onDidChangeCodeLenses: types.onDidChange,
      provideCodeLenses: async ({ uri }) => {
        const location = fromUri(uri);
        if (!location) {
          return [];
        }
        const top = new Range(0, 0, 0, 0);
        const name = await shortName(location);
        return [whatItIs(location, name), ...actions(location)].map((command) => new CodeLens(top, command));
      },
    },
  );

  async function shortName(location: Location): Promise<string> {
    const { kind, digest, mediaType, size = 0 } = location;
    const held = kind === 'manifest' || kind === 'index' ? await manifests.get(digest) : undefined;
    const type = held && typeOf(location, held.bytes, types.table());
    return type ? plainText(type.name) : nameOf(location, { mediaType, digest, size }, types.table());
  }
}

function whatItIs({ kind, size }: Location, name: string): LensCommand {
  const facts =
    kind === 'referrers'
      ? l10n.t('as the registry lists them now')
      : [size === undefined ? '' : humanSize(size), l10n.t('digest checked')].filter(Boolean).join(' · ');
  return { title: `${name} · ${facts}`, command: '' };
}

function actions(location: Location): LensCommand[] {
  const { kind, digest, place, repository, tag } = location;
  const isManifest = kind === 'manifest' || kind === 'index';
  return [
    ...(isManifest
      ? [
          {
            title: l10n.t('Open Referrers'),
            command: Command.openDescriptor,
            arguments: [toUri({ ...location, kind: 'referrers', form: 'original' }).toString()],
          },
        ]
      : []),
    // A list of referrers has no digest of its own.
    ...(kind === 'referrers'
      ? []
      : [
          {
            title: l10n.t('Copy Digest'),
            command: Command.copyDigest,
            arguments: [{ kind: 'manifest', id: digest, descriptor: { digest } }],
          },
        ]),
    ...(isManifest && tag !== undefined
      ? [
          {
            title: l10n.t('Show in Tree'),
            command: Command.showInTree,
            arguments: [{ place, repository, ref: tag }],
          },
        ]
      : []),
  ];
}

import { CodeLens, l10n, languages, Range, type Command as LensCommand, type Disposable } from 'vscode';
import { humanSize } from '../artifacts/facts.ts';
import { Command, scheme } from '../contributions.ts';
import type { Location } from '../browse/location.ts';
import { isJson } from '../browse/locationText.ts';
import { fromUri, toUri } from '../host/ociUri.ts';
import { plainText } from '../host/plainText.ts';
import type { Services } from '../host/services.ts';
import { nameOf, typeOf } from './nameOf.ts';

/** One line above a document: what it is, and what one does with it. */
export function registerLenses({ manifests, places }: Pick<Services, 'manifests' | 'places'>): Disposable {
  return languages.registerCodeLensProvider(
    { scheme },
    {
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
    const type = held && typeOf(location, held.bytes);
    return type ? plainText(type.name) : nameOf(location, { mediaType, digest, size });
  }

  function whatItIs({ kind, size, place, repository }: Location, name: string): LensCommand {
    const isList = kind === 'referrers';
    const at = plainText(`${places.get(place)?.name ?? place}/${repository}`);
    const facts = isList
      ? l10n.t('as the registry lists them now')
      : [size === undefined ? '' : humanSize(size), l10n.t('digest checked')].filter(Boolean).join(' · ');
    return { title: `${name} · ${facts} · ${at}`, command: '' };
  }
}

function actions(location: Location): LensCommand[] {
  const { kind, form, digest, place, repository, tag } = location;
  const open = (title: string, change: Partial<Location>): LensCommand => ({
    title,
    command: Command.openDescriptor,
    arguments: [toUri({ ...location, ...change }).toString()],
  });
  const isManifest = kind === 'manifest' || kind === 'index';
  return [
    ...(isJson(location)
      ? [
          form === 'original'
            ? { title: l10n.t('Open Formatted View'), command: Command.openFormatted }
            : { title: l10n.t('Open Original Bytes'), command: Command.openOriginal },
        ]
      : []),
    ...(isManifest ? [open(l10n.t('Open Referrers'), { kind: 'referrers', form: 'original' })] : []),
    {
      title: l10n.t('Copy Digest'),
      command: Command.copyDigest,
      arguments: [{ kind: 'manifest', id: digest, descriptor: { digest } }],
    },
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

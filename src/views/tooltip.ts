import { l10n, MarkdownString } from 'vscode';
import { humanSize } from '../artifacts/facts.ts';
import type { Named } from '../browse/browser.ts';
import type { Node, PlaceNode } from '../browse/node.ts';
import { describeError } from '../host/log.ts';
import { errorText } from '../host/errorText.ts';
import { plainText } from '../host/plainText.ts';
import { ignoredTexts } from '../host/typeTexts.ts';
import type { Services } from '../host/services.ts';
import { Annotation, platformText, type Annotations } from '../oci/descriptor.ts';
import { OciError } from '../oci/errors.ts';
import { quirksOf } from '../oci/remote/quirks.ts';
import { endpointsOf, nameOf, type RegistryRule } from '../oci/remote/registriesConf.ts';
import type { RateLimit } from '../oci/remote/rateLimit.ts';
import { isRemote } from '../oci/remote/registry.ts';
import { layersField } from '../oci/mediaTypes.ts';

/** Most annotations that are shown. */
const maxAnnotations = 12;
/** Most fields that are said to be ignored; *Explain Type…* has all. */
const maxIgnored = 3;

type Line = readonly [name: string, value: string];

/**
 * Everything about a row that has no room in it, found out when a person hovers it. Undefined where the row says it all.
 * @throws {OciError} when it has to be read and cannot be
 */
export async function tooltipOf(
  node: Node,
  services: Pick<Services, 'browser' | 'network' | 'accounts'>,
  signal: AbortSignal,
): Promise<MarkdownString | undefined> {
  switch (node.kind) {
    case 'place':
      return text(node.place.name, await placeLines(node, services));
    case 'group':
      return text(`${node.place.name}/${node.path}`, []);
    case 'repository':
      return text(`${node.place.host}/${node.repository}`, [
        ...(node.place.pinned.includes(node.repository) ? [[l10n.t('Pinned'), l10n.t('yes')] as const] : []),
      ]);
    case 'referrers':
      return text(l10n.t('What was attached to this manifest: signatures, SBOMs and others'), [
        [l10n.t('Subject'), node.subject.digest],
      ]);
    case 'failure':
      return text(errorText(node.error).message, [
        [l10n.t('Code'), node.error.code],
        [l10n.t('Cause'), describeError(node.error)],
      ]);
    case 'tag':
    case 'manifest':
    case 'blob': {
      const named = await services.browser.complete(node, signal);
      return named && text(named.type.name, namedLines(named));
    }
    case 'more':
    case 'note':
      return undefined;
  }
}

async function placeLines(
  { place }: PlaceNode,
  { network, accounts }: Pick<Services, 'network' | 'accounts'>,
): Promise<readonly Line[]> {
  if (place.kind !== 'remote') {
    return [[l10n.t('Folder'), place.host]];
  }
  const answered = accounts.answered(place.id);
  const used = answered === undefined ? undefined : (await accounts.remembered(place.id)).used;
  const account =
    (answered !== undefined && used !== undefined ? l10n.t('{0} as {1}', answered, used) : answered) ??
    ((await accounts.isSignedIn(place.id)) ? l10n.t('signed in here') : l10n.t('none was asked for'));
  const client = isRemote(place.registry) ? place.registry.client : undefined;
  const quirks = quirksOf(place.host, client?.traits);
  const unverified = network.insecureBy(place.host);
  const host = place.namespace === undefined ? place.host : `${place.host}/${place.namespace}`;
  return [
    // The heading says it where the entry has no name of its own.
    ...line(l10n.t('Host'), host === place.name ? undefined : host),
    ...line(l10n.t('Provider'), quirks?.name),
    [l10n.t('API'), l10n.t('OCI distribution, over {0}', network.scheme(place.host).toUpperCase())],
    [l10n.t('Account'), account],
    ...(network.trusted(place.host) === undefined
      ? []
      : [[l10n.t('Certificate'), l10n.t('trusted by you')] as const]),
    ...line(l10n.t('TLS'), unverified && l10n.t('does not have to verify: insecure in {0}', unverified)),
    ...line(l10n.t('Mirrors'), mirrorText(place.host, network.rules())),
    ...(place.pinned.length > 0 ? [[l10n.t('Pinned'), place.pinned.slice(0, 20).join(', ')] as const] : []),
    ...line(l10n.t('Rate limit'), client?.rateLimit && limitText(client.rateLimit)),
    ...line(l10n.t('Referrers'), quirks?.referrers === 'tags' ? l10n.t('kept in tags') : undefined),
    ...line(
      l10n.t('Deletes'),
      quirks?.deletes === 'elsewhere' ? l10n.t('on its own web page or by its own tools') : undefined,
    ),
    ...(place.countsReads
      ? [
          [
            l10n.t('Counts reads'),
            l10n.t(
              'Each manifest read counts against a limit here: rows are read when you open or hover them.',
            ),
          ] as const,
        ]
      : []),
  ];
}

/** Of the whole registry, or of a part of it. */
function mirrorText(host: string, rules: readonly RegistryRule[]): string {
  return rules
    .filter(({ prefix }) => prefix === host || prefix.startsWith(`${host}/`))
    .flatMap((rule) => endpointsOf(rule, 'tag').map((endpoint) => `${nameOf(endpoint)} (${rule.file})`))
    .slice(0, 10)
    .join(', ');
}

function limitText({ limit, remaining, window, source }: RateLimit): string {
  const left =
    window === undefined
      ? l10n.t('{0} of {1} reads left', remaining, limit)
      : l10n.t('{0} of {1} reads left in {2} h', remaining, limit, Math.round(window / 360) / 10);
  return source === undefined ? left : l10n.t('{0}, counted for {1}', left, source);
}

function namedLines(named: Named): readonly Line[] {
  const { type, descriptor, manifest } = named;
  const [evidence] = type.evidence;
  const annotations = annotationsOf(descriptor.annotations, manifest?.annotations);
  return [
    [l10n.t('Digest'), descriptor.digest],
    [l10n.t('Media type'), descriptor.mediaType],
    ...line(l10n.t('Artifact type'), manifest?.artifactType ?? descriptor.artifactType),
    ...line(l10n.t('Config'), manifest?.kind === 'manifest' ? manifest.config?.mediaType : undefined),
    ...line(l10n.t('Platform'), descriptor.platform && platformText(descriptor.platform)),
    ...line(
      layersField(manifest?.mediaType ?? '') === 'blobs' ? l10n.t('Blobs') : l10n.t('Layers'),
      manifest?.kind === 'manifest' ? String(manifest.layers.length) : undefined,
    ),
    ...line(l10n.t('Manifests'), manifest?.kind === 'index' ? String(manifest.manifests.length) : undefined),
    ...line(l10n.t('Size'), named.size === undefined ? undefined : sizeText(named.size)),
    ...line(l10n.t('Created'), named.created?.toISOString()),
    ...line(l10n.t('Created by'), named.createdBy),
    ...line(l10n.t('Attached to'), manifest?.subject?.digest),
    [l10n.t('Named by'), `${type.rule}${evidence ? `: ${evidence.field} = ${evidence.value}` : ''}`],
    ...line(
      l10n.t('Ignored'),
      (type.ignored ?? [])
        .slice(0, maxIgnored)
        .map(({ field, why }) => `${field} (${ignoredTexts[why]()})`)
        .join('; '),
    ),
    ...annotations.first
      // Said above.
      .filter(
        ([name, value]) => name !== Annotation.created || Date.parse(value) !== named.created?.getTime(),
      )
      .map(([name, value]): Line => [plainText(name, 100).replace(/[^\w./-]/g, ' '), value]),
    ...line(
      l10n.t('Annotations'),
      annotations.count > maxAnnotations ? l10n.t('{0} in all', annotations.count) : undefined,
    ),
  ];
}

function sizeText(bytes: number): string {
  const short = humanSize(bytes);
  return short === `${bytes} B` ? short : `${short} (${bytes})`;
}

/** Of one name the manifest's value, not that of its parent's list. A hundred thousand are counted and not copied. */
function annotationsOf(
  listed: Annotations = {},
  own: Annotations = {},
): { readonly first: readonly Line[]; readonly count: number } {
  const more = Object.keys(own).filter((name) => !Object.hasOwn(listed, name));
  const names = Object.keys(listed);
  const shown = [...names.slice(0, maxAnnotations), ...more.slice(0, maxAnnotations)];
  return {
    first: shown.slice(0, maxAnnotations).map((name) => [name, own[name] ?? listed[name] ?? '']),
    count: names.length + more.length,
  };
}

function line(name: string, value: string | undefined): readonly Line[] {
  return value === undefined || value === '' ? [] : [[name, value]];
}

/** Text of the registry is appended as text, never as Markdown. */
function text(title: string, lines: readonly Line[]): MarkdownString {
  const made = new MarkdownString(undefined, true);
  made.appendText(plainText(title, 512));
  for (const [name, value] of lines) {
    made.appendMarkdown(`\n\n**${name}** `);
    made.appendText(plainText(value, 256));
  }
  return made;
}

/** For a row that could not be read. */
export function errorTooltip(error: unknown): string | undefined {
  return error instanceof OciError ? errorText(error).message : undefined;
}

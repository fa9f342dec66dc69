import { l10n, workspace } from 'vscode';
import { humanSize } from '../artifacts/facts.ts';
import { plainText } from '../host/plainText.ts';
import type { BuiltArtifact } from '../packaging/artifact.ts';
import type { Misfit } from '../packaging/fit.ts';
import type { PushPlan } from '../packaging/plan.ts';

/** Most files of one kind that the dialog names; the preview names more. */
const maxNamed = 6;

export function largest({ layers }: PushPlan): readonly { readonly path: string; readonly size: number }[] {
  return layers
    .flatMap(({ entries }) => entries)
    .filter(({ kind }) => kind === 'file')
    .sort((a, b) => b.size - a.size)
    .slice(0, maxNamed);
}

export function misfitTexts({ type, expected, titles }: Misfit): readonly string[] {
  return named(
    l10n.t('{0} holds {1}, which is not in:', plainText(type), plainText(expected.join(', '), 200)),
    titles.map((title) => plainText(title)),
  );
}

/** Where it is not packed yet, its size is that of the files. */
export function detailOf(plan: PushPlan, built: BuiltArtifact | undefined): readonly string[] {
  const files = plan.layers.flatMap(({ entries }) => entries).filter(({ kind }) => kind !== 'folder').length;
  const { layers } = built ?? plan;
  const total = humanSize(layers.reduce<number>((sum, { size }) => sum + size, 0));
  const secrets = plan.concerns.filter(({ kind }) => kind === 'secret');
  const large = plan.concerns.filter(({ kind }) => kind === 'large');
  const outside = plan.skipped.filter(({ reason }) => reason === 'outside-link');
  const others = new Set(plan.skipped.map(({ reason }) => reason));
  others.delete('outside-link');
  const count = plan.skipped.length - outside.length;
  return [
    l10n.t('Files: {0}, layers: {1}, {2}', files, layers.length, total),
    ...named(
      l10n.t('May hold secrets:'),
      secrets.map(({ path }) => shownPath(path)),
    ),
    ...named(
      l10n.t('Large:'),
      large.map(({ path, size }) => `${shownPath(path)} (${humanSize(size)})`),
    ),
    ...named(
      l10n.t('Left out, as links that leave the folder:'),
      outside.map(({ path }) => shownPath(path)),
    ),
    plan.layers.some(({ compression }) => compression !== undefined)
      ? l10n.t('oras does not unpack its folders: they are not compressed by gzip.')
      : '',
    count > 0 ? l10n.t('Left out: {0}, by {1}', count, [...others].map(reasonText).join(', ')) : '',
    built?.root.digest ?? '',
  ];
}

function named(title: string, names: readonly string[]): readonly string[] {
  if (names.length === 0) {
    return [];
  }
  const rest = names.length - maxNamed;
  return [
    title,
    ...names.slice(0, maxNamed).map((name) => `• ${name}`),
    ...(rest > 0 ? [l10n.t('… and {0} more', rest)] : []),
  ];
}

function reasonText(reason: PushPlan['skipped'][number]['reason']): string {
  const texts: Readonly<Record<typeof reason, string>> = {
    git: '.git',
    recipe: '.oci/push.json',
    gitignore: '.gitignore',
    ociignore: '.ociignore',
    chosen: l10n.t('your patterns'),
    'special-file': l10n.t('neither file nor folder'),
    'outside-link': l10n.t('link that leaves the folder'),
  };
  return texts[reason];
}

export function shownPath(path: string): string {
  return plainText(workspace.asRelativePath(path));
}

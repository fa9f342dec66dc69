import { stat } from 'node:fs/promises';
import { l10n, QuickPickItemKind } from 'vscode';
import { plainText } from '../host/plainText.ts';
import { setting } from '../host/settings.ts';
import { compressions, type Compression } from '../packaging/compression.ts';
import { isPackedFreely, usualPacking, type Packing } from '../packaging/packing.ts';
import type { Source } from '../packaging/plan.ts';
import { arePatterns } from '../packaging/pushRecipe.ts';
import type { PushType } from '../packaging/pushTypes.ts';
import { layersFile, splits, type Split } from '../packaging/splitLayers.ts';
import { askPick, askText, back, type Choice, type Separator, type StepInfo } from './ask.ts';

type NamedSplit = (typeof splits)[number];

/** What of the packing is changed by a row of a list. */
export type PackingField = keyof Packing;

/** What is packed when nobody says otherwise: as for this folder the last time, else as in the settings. */
export function usualFor(last: Partial<Packing> | undefined): Packing {
  return {
    split: splitOf(last?.split) ?? splitOf(setting('push.split')) ?? usualPacking.split,
    compression:
      compressionOf(last?.compression) ??
      compressionOf(setting('push.compression')) ??
      usualPacking.compression,
    ignore: Array.isArray(last?.ignore) ? last.ignore : [],
  };
}

/** What was chosen for a folder and is not in the settings anyway. */
export function chosenPacking({ split, compression, ignore }: Packing): Partial<Packing> {
  const usual = usualFor(undefined);
  return {
    ...(split === usual.split ? {} : { split }),
    ...(compression === usual.compression ? {} : { compression }),
    ...(ignore.length > 0 ? { ignore } : {}),
  };
}

/** How a type packs: one that says what its layers are is packed as it says. */
export function packingFor(type: PushType, packing: Packing): Packing {
  return isPackedFreely(type) ? packing : { ...usualPacking, ignore: packing.ignore };
}

/** Files alone leave nothing to choose. */
export async function hasFolder(sources: readonly Source[]): Promise<boolean> {
  const found = await Promise.all(sources.map(({ path }) => stat(path).catch(() => undefined)));
  return found.some((each) => each?.isDirectory() === true);
}

/** Rows of a list that show how folders are packed; to choose one is to change it. */
export function packingRows(
  type: PushType,
  { split, compression, ignore }: Packing,
): readonly (Choice<PackingField> | Separator)[] {
  return [
    { label: l10n.t('Folders'), kind: QuickPickItemKind.Separator },
    ...(isPackedFreely(type)
      ? [
          {
            label: l10n.t('$(layers) Split into Layers…'),
            description: splitText(split),
            value: 'split' as const,
          },
          {
            label: l10n.t('$(file-zip) Compression…'),
            description: compressionText(compression),
            value: 'compression' as const,
          },
        ]
      : []),
    {
      label: l10n.t('$(exclude) Leave Out…'),
      description: ignore.length > 0 ? plainText(ignore.join(', '), 120) : l10n.t('no more than usual'),
      value: 'ignore',
    },
  ];
}

/** Asks for one of them; who goes back leaves it as it was. */
export async function changedPacking(at: StepInfo, packing: Packing, field: PackingField): Promise<Packing> {
  const inner = { ...at, canGoBack: true };
  switch (field) {
    case 'split': {
      const split = await askPick<Split>({
        ...inner,
        placeholder: l10n.t('Layers of a folder: what has not changed is not sent again'),
        choices: splits.map((value) => ({
          label: splitText(value),
          detail: splitDetail(value),
          value,
        })),
        active: ({ value }) => value === packing.split,
      });
      return split === back ? packing : { ...packing, split };
    }
    case 'compression': {
      const compression = await askPick<Compression>({
        ...inner,
        placeholder: l10n.t('Compression of folders'),
        choices: compressions.map((value) => ({
          label: compressionText(value),
          detail: compressionDetail(value),
          value,
        })),
        active: ({ value }) => value === packing.compression,
      });
      return compression === back ? packing : { ...packing, compression };
    }
    case 'ignore': {
      const text = await askText({
        ...inner,
        prompt: l10n.t('Left out of each folder besides: patterns as in .gitignore, with commas between'),
        value: packing.ignore.join(', '),
        validate: (value) =>
          arePatterns(patternsIn(value)) ? undefined : l10n.t('At most 200 patterns of 1,024 characters'),
      });
      return text === back ? packing : { ...packing, ignore: patternsIn(text) };
    }
  }
}

/** A comma ends a pattern; a pattern is one line. */
function patternsIn(text: string): readonly string[] {
  return text
    .split(/[,\r\n]/)
    .map((pattern) => pattern.trim())
    .filter((pattern) => pattern !== '');
}

function splitText(split: Split): string {
  const texts: Readonly<Record<NamedSplit, string>> = {
    none: l10n.t('one layer'),
    folders: l10n.t('by folder'),
    patterns: l10n.t('by {0}', layersFile),
  };
  return typeof split === 'string' ? texts[split] : plainText(split.join(', '), 120);
}

function splitDetail(split: NamedSplit): string {
  const texts: Readonly<Record<NamedSplit, string>> = {
    none: l10n.t('As oras packs it'),
    folders: l10n.t('Each folder directly in it is a layer, all else one more'),
    patterns: l10n.t(
      'What the patterns in {0} of the folder match is a layer each, all else one more',
      layersFile,
    ),
  };
  return texts[split];
}

function compressionText(compression: Compression): string {
  return compression === 'none' ? l10n.t('not compressed') : compression;
}

function compressionDetail(compression: Compression): string {
  const texts: Readonly<Record<Compression, string>> = {
    gzip: l10n.t('Every tool unpacks it'),
    zstd: l10n.t('Smaller in less time; oras does not unpack it'),
    none: l10n.t('A plain tar; oras does not unpack it'),
  };
  return texts[compression];
}

function splitOf(value: unknown): Split | undefined {
  return splits.find((split) => split === value);
}

function compressionOf(value: unknown): Compression | undefined {
  return compressions.find((compression) => compression === value);
}

import { l10n, QuickPickItemKind, ThemeIcon, type QuickInputButton } from 'vscode';
import type { Metadata } from '../host/metadata.ts';
import { plainText } from '../host/plainText.ts';
import { Annotation } from '../oci/descriptor.ts';
import { askPick, askText, back, type Back, type Choice, type Separator, type StepInfo } from './ask.ts';

type Action =
  | { readonly kind: 'continue' }
  | { readonly kind: 'add' }
  | { readonly kind: 'edit' | 'remove'; readonly key: string }
  | { readonly kind: 'use'; readonly annotations: Metadata }
  | { readonly kind: 'more'; readonly row: string };

/** Rows of something else that is chosen in the same step. */
export interface MoreRows {
  readonly rows: () => readonly (Choice<string> | Separator)[];
  /** A row was chosen. */
  readonly choose: (row: string) => Promise<void>;
}

/** Annotation keys of the image specification that say something about any artifact. */
const usualKeys = [
  'title',
  'description',
  'version',
  'revision',
  'source',
  'url',
  'documentation',
  'licenses',
  'authors',
  'vendor',
  'created',
].map((name) => `org.opencontainers.image.${name}`);

const maxKey = 256;

/** A list of annotations that is changed until the person goes on. All of it works by keys alone. */
export async function askAnnotations(
  at: StepInfo,
  start: Metadata,
  more?: MoreRows,
): Promise<Metadata | Back> {
  let annotations = start;
  for (;;) {
    const action = await askAction(at, annotations, more?.rows() ?? []);
    if (action === back) {
      return back;
    }
    switch (action.kind) {
      case 'continue':
        return annotations;
      case 'use':
        annotations = action.annotations;
        break;
      case 'more':
        await more?.choose(action.row);
        break;
      case 'remove':
        annotations = without(annotations, action.key);
        break;
      case 'edit':
        annotations = await changed(at, annotations, action.key);
        break;
      case 'add': {
        const key = await askKey(at, annotations);
        annotations = key === back ? annotations : await changed(at, annotations, key);
      }
    }
  }
}

function askAction(
  at: StepInfo,
  annotations: Metadata,
  more: readonly (Choice<string> | Separator)[],
): Promise<Action | Back> {
  const edit: QuickInputButton = { iconPath: new ThemeIcon('edit'), tooltip: l10n.t('Edit') };
  const remove: QuickInputButton = { iconPath: new ThemeIcon('trash'), tooltip: l10n.t('Remove') };
  const entries = Object.entries(annotations).sort(([a], [b]) => (a < b ? -1 : 1));
  const choices: readonly (Choice<Action> | Separator)[] = [
    {
      label: l10n.t('$(check) Continue'),
      description: entries.length === 1 ? l10n.t('1 annotation') : l10n.t('{0} annotations', entries.length),
      value: { kind: 'continue' },
    },
    { label: l10n.t('$(add) Add Annotation…'), value: { kind: 'add' } },
    ...(entries.length > 0
      ? [{ label: l10n.t('Annotations'), kind: QuickPickItemKind.Separator } as const]
      : []),
    ...entries.map(([key, value]) => ({
      label: plainText(key),
      description: plainText(value, 120),
      buttons: [edit, remove],
      value: { kind: 'edit', key } as const,
    })),
    ...more.map((row) =>
      'value' in row ? { ...row, value: { kind: 'more', row: row.value } as const } : row,
    ),
  ];
  return askPick<Action>({
    ...at,
    placeholder: l10n.t('Annotations: choose one to edit or remove it, or type key=value'),
    choices,
    typed: typedAnnotations(annotations),
    typedFirst: true,
    onButton: ({ value }, button) =>
      value.kind === 'edit' ? { kind: button === remove ? 'remove' : 'edit', key: value.key } : undefined,
  });
}

/** `key=value`, or a whole JSON object, typed or pasted. */
function typedAnnotations(annotations: Metadata): (text: string) => Choice<Action> | undefined {
  return (text) => {
    const json = text.startsWith('{') ? parseAnnotationText(text) : undefined;
    if (json) {
      const count = Object.keys(json).length;
      const value: Action = { kind: 'use', annotations: json };
      return { label: text, description: l10n.t('use these {0} annotations only', count), value };
    }
    const [, key, value] = /^([^\s={}]+)\s*=\s*(.*)$/s.exec(text) ?? [];
    return key === undefined || value === undefined || annotationProblem(key, value) !== undefined
      ? undefined
      : {
          label: text,
          description: l10n.t('set this annotation'),
          value: { kind: 'use', annotations: { ...annotations, [key]: value } },
        };
  };
}

function askKey(at: StepInfo, annotations: Metadata): Promise<string | Back> {
  return askPick<string>({
    ...at,
    canGoBack: true,
    placeholder: l10n.t('Key of the annotation: choose one, or type a key'),
    choices: usualKeys.filter((key) => !(key in annotations)).map((key) => ({ label: key, value: key })),
    typed: (text) => (text.length <= maxKey ? { label: text, value: text } : undefined),
  });
}

async function changed(at: StepInfo, annotations: Metadata, key: string): Promise<Metadata> {
  const value = await askText({
    ...at,
    canGoBack: true,
    prompt: l10n.t('Value of {0}. Empty removes it.', plainText(key)),
    value: annotations[key] ?? '',
    validate: (text) => annotationProblem(key, text),
  });
  if (value === back) {
    return annotations;
  }
  return value === '' ? without(annotations, key) : { ...annotations, [key]: value };
}

/** What oras refuses to push. */
export function annotationProblem(key: string, value: string): string | undefined {
  const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/.test(value);
  return key === Annotation.created && value !== '' && !(isTime && !Number.isNaN(Date.parse(value)))
    ? l10n.t('A time as RFC 3339 writes it: 2026-01-31T12:00:00Z')
    : undefined;
}

/** Undefined for anything but an object of texts that can be pushed. */
export function parseAnnotationText(text: string): Metadata | undefined {
  try {
    const json: unknown = JSON.parse(text);
    const isObject = typeof json === 'object' && json !== null && !Array.isArray(json);
    return isObject &&
      Object.entries(json).every(
        ([key, value]) =>
          key !== '' && typeof value === 'string' && annotationProblem(key, value) === undefined,
      )
      ? (json as Metadata)
      : undefined;
  } catch {
    return undefined;
  }
}

function without(annotations: Metadata, key: string): Metadata {
  return Object.fromEntries(Object.entries(annotations).filter(([name]) => name !== key));
}

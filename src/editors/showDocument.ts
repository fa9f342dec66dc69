import { commands, env, l10n, TabInputText, ViewColumn, window, type Uri } from 'vscode';
import { humanSize } from '../artifacts/facts.ts';
import type { TypeTable } from '../artifacts/table.ts';
import type { Location } from '../browse/location.ts';
import { isJson } from '../browse/locationText.ts';
import { View } from '../contributions.ts';
import { fromUri, toUri } from '../host/ociUri.ts';
import { plainText } from '../host/plainText.ts';
import type { Services } from '../host/services.ts';
import { setting } from '../host/settings.ts';
import { nameOf } from './nameOf.ts';
import { looksBinary, maxBlob, type DocumentReader } from './readDocument.ts';

/**
 * Reads a document, and only then opens it: an editor that cannot read says nothing of the cause, a message does. A blob may
 * be anything: what is no text, or too long, says so instead of a tab that shows nothing.
 * @param isPeek a click on a row: the focus stays in the tree, so that the next row is one key away; the same row once more
 *   goes to the document and keeps it, as a double click in the Explorer does
 * @throws {OciError} what reading throws
 */
export async function showDocument(
  location: Location,
  isPeek: boolean,
  { places, types, signal }: Pick<Services, 'places' | 'types' | 'signal'>,
  reader: DocumentReader,
): Promise<void> {
  const place = places.get(location.place);
  if (!place) {
    void window.showErrorMessage(missingPlace(location));
    return;
  }
  const { kind, size = 0 } = location;
  const isBlob = kind === 'blob' || kind === 'config';
  if (isBlob && size > maxBlob) {
    void offer(location, 'too-large', types.table());
    return;
  }
  const isText = await window.withProgress({ location: { viewId: View.registries } }, async () => {
    if (isBlob && looksBinary(await reader.start(place, location, { signal }))) {
      return false;
    }
    await reader.read(place, { ...location, form: 'original' }, { signal });
    return true;
  });
  // Not awaited: a message may stay open for ever.
  await (isText ? open(location, isPeek) : void offer(location, 'binary', types.table()));
}

export function missingPlace({ place }: Pick<Location, 'place'>): string {
  return l10n.t('{0} is not among your registries any more. Add it again to read this.', plainText(place));
}

async function offer(location: Location, why: 'too-large' | 'binary', table: TypeTable): Promise<void> {
  const { digest, mediaType, size = 0 } = location;
  const name = [nameOf(location, { mediaType, digest, size }, table), size > 0 ? humanSize(size) : '']
    .filter(Boolean)
    .join(' · ');
  const copy = l10n.t('Copy Digest');
  const anyway = l10n.t('Open Anyway');
  const chosen =
    why === 'binary'
      ? await window.showInformationMessage(
          l10n.t('{0}: not a text. Pull the artifact to have it as a file.', name),
          anyway,
          copy,
        )
      : await window.showInformationMessage(
          l10n.t(
            '{0}: too large to open as a document ({1} at most). Pull the artifact to have it as a file.',
            name,
            humanSize(maxBlob),
          ),
          copy,
        );
  if (chosen === copy) {
    await env.clipboard.writeText(digest);
  } else if (chosen === anyway) {
    await show(toUri({ ...location, form: 'original' }), ViewColumn.Active, false, false);
  }
}

/** Of the document that is being opened. A second click before it is there goes to it, and a tab that comes late takes no focus back. */
let opening: Promise<void> = Promise.resolve();

function open(location: Location, isPeek: boolean): Promise<void> {
  const opened = opening.then(() => openNow(location, isPeek));
  opening = opened.catch(() => undefined);
  return opened;
}

/** The original bytes, the formatted view beside them, or one of both, as the setting says. */
async function openNow(location: Location, isPeek: boolean): Promise<void> {
  const view = isJson(location) ? setting('manifestView') : 'original';
  const column = firstColumn();
  const uri = toUri({ ...location, form: view === 'formatted' ? 'formatted' : 'original' });
  const isAgain = isPeek && isShown(uri);
  const takesFocus = !isPeek || isAgain;
  await show(uri, column, view === 'both' || !takesFocus, isAgain);
  if (view === 'both') {
    await show(toUri({ ...location, form: 'formatted' }), column + 1, true, isAgain);
    // Last, because what is opened beside it may leave the column beside it the active one.
    if (takesFocus) {
      await show(uri, column, false, isAgain);
    }
  }
}

/** Where documents go: the active column, but not the one the formatted view has beside its original. */
function firstColumn(): number {
  const { activeTab, viewColumn } = window.tabGroups.activeTabGroup;
  const column: number = viewColumn;
  const location = activeTab?.input instanceof TabInputText ? fromUri(activeTab.input.uri) : undefined;
  const isBeside = setting('manifestView') === 'both' && location?.form === 'formatted';
  return isBeside && column > 1 ? column - 1 : column;
}

function isShown(uri: Uri): boolean {
  return window.tabGroups.all.some(
    ({ activeTab }) =>
      activeTab?.input instanceof TabInputText && activeTab.input.uri.toString() === uri.toString(),
  );
}

async function show(uri: Uri, viewColumn: number, preserveFocus: boolean, isKept: boolean): Promise<void> {
  await commands.executeCommand('vscode.open', uri, { preview: !isKept, viewColumn, preserveFocus });
}

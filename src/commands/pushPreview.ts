import { Disposable, EventEmitter, l10n, TabInputText, Uri, window, workspace } from 'vscode';
import { Command } from '../contributions.ts';
import { cancelled } from '../host/cancelled.ts';
import { registerCommand } from '../host/registerCommand.ts';

const scheme = 'oci-push';
const uri = Uri.from({ scheme, path: '/push preview.json' });

/** The document that shows a push before a byte is sent, and waits for the decision. */
export interface PushPreview {
  /** Resolves when the person pushes. @throws an abort when they do not: *Cancel*, or the preview is closed */
  decide(target: string, text: string, signal: AbortSignal): Promise<void>;
}

/** A push goes on from the title of the preview, from the palette, or from the message. */
export function registerPushPreview(): PushPreview & { dispose(): void } {
  let text = '';
  let decided: ((isPush: boolean) => void) | undefined;
  const changed = new EventEmitter<Uri>();
  const disposable = Disposable.from(
    changed,
    workspace.registerTextDocumentContentProvider(scheme, {
      onDidChange: changed.event,
      provideTextDocumentContent: () => text,
    }),
    window.tabGroups.onDidChangeTabs(({ closed }) => {
      if (closed.some(({ input }) => isPreview(input))) {
        decided?.(false);
      }
    }),
    registerCommand(Command.pushPreviewed, () => decided?.(true)),
  );
  return {
    dispose: () => {
      disposable.dispose();
    },
    decide: async (where, preview, signal) => {
      // Of two pushes at a time the one that is shown is the one that is decided.
      decided?.(false);
      text = preview;
      const decision = new Promise<boolean>((resolve) => {
        decided = resolve;
        signal.addEventListener('abort', () => resolve(false), { once: true });
      });
      const mine = decided;
      changed.fire(uri);
      await window.showTextDocument(await workspace.openTextDocument(uri), { preview: true });
      const push = l10n.t('Push');
      const cancel = l10n.t('Cancel');
      // A message that is put away decides nothing: the preview is still there.
      void window.showInformationMessage(l10n.t('Push to {0}?', where), push, cancel).then((chosen) => {
        if (chosen !== undefined) {
          mine?.(chosen === push);
        }
      });
      const isPush = await decision;
      if (decided === mine) {
        decided = undefined;
        await closePreview();
      }
      if (!isPush) {
        throw cancelled();
      }
    },
  };
}

function isPreview(input: unknown): boolean {
  return input instanceof TabInputText && input.uri.scheme === scheme;
}

async function closePreview(): Promise<void> {
  const tabs = window.tabGroups.all.flatMap((group) => group.tabs);
  await window.tabGroups.close(tabs.filter(({ input }) => isPreview(input)));
}

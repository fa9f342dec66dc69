import { commands, Disposable, EventEmitter, l10n, Uri, window, workspace } from 'vscode';
import type { BlobNode } from '../browse/node.ts';
import { LruMap } from '../base/lru.ts';
import { Command } from '../contributions.ts';
import { registerCommand } from '../host/registerCommand.ts';
import type { Services } from '../host/services.ts';
import { askRef } from './askTarget.ts';
import { explainText } from './explainText.ts';
import { commandToPull } from './pullTarget.ts';
import { isRefNode, nodeOf, shownText, type RefNode } from './targets.ts';

const scheme = 'oci-type';
const maxDocuments = 50;

/** *Explain Type…*: a read-only document that says why something is called what it is. */
export function registerExplainType(services: Services): Disposable {
  const texts = new LruMap<string, string>(maxDocuments);
  const changed = new EventEmitter<Uri>();
  return Disposable.from(
    changed,
    workspace.registerTextDocumentContentProvider(scheme, {
      onDidChange: changed.event,
      provideTextDocumentContent: (uri) => texts.get(uri.toString()) ?? l10n.t('Run Explain Type… again.'),
    }),
    registerCommand(Command.explainType, async (...args) => {
      const node = await nodeToExplain(args, services);
      const named = node && (await services.browser.complete(node, services.signal));
      if (!node || !named) {
        return;
      }
      const table = services.types.table();
      const isManifest = isRefNode(node);
      const ref = node.kind === 'tag' ? node.tag : named.descriptor.digest;
      const title = shownText(node, ref);
      const uri = Uri.from({
        scheme,
        path: `/${named.type.name.replace(/[^\w .-]/g, ' ')}.md`,
        query: encodeURIComponent(node.id),
      });
      texts.set(
        uri.toString(),
        explainText({
          title,
          type: named.type,
          row: isManifest ? table.byId.get(named.type.id) : undefined,
          pull: isManifest ? commandToPull(node, named, services) : undefined,
          isManifest,
        }),
      );
      changed.fire(uri);
      try {
        await commands.executeCommand('markdown.showPreview', uri);
      } catch {
        // Without the editor's own Markdown: as text it is readable too.
        await window.showTextDocument(await workspace.openTextDocument(uri), { preview: true });
      }
    }),
  );
}

async function nodeToExplain(
  args: readonly unknown[],
  services: Services,
): Promise<RefNode | BlobNode | undefined> {
  const node = nodeOf(args, services);
  if (node?.kind === 'blob' || isRefNode(node)) {
    return node;
  }
  const { place, repository, ref } = await askRef(l10n.t('Explain Type'), services);
  const found = services.browser.locate(place.id, repository, ref);
  return isRefNode(found) ? found : undefined;
}

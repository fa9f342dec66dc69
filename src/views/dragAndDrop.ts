import { commands, Uri, type DataTransfer, type TreeDragAndDropController } from 'vscode';
import type { Node } from '../browse/node.ts';
import { Command } from '../contributions.ts';

const uriList = 'text/uri-list';

/** Most files and folders of one drop. */
const maxDropped = 1000;

/** Files and folders of the Explorer that are dropped on a row are pushed there; the steps of a push follow. */
export function dragAndDrop(
  push: (uris: readonly Uri[], target: Node | undefined) => Thenable<unknown> = (uris, target) =>
    commands.executeCommand(Command.pushFiles, uris[0], uris, target),
): TreeDragAndDropController<Node> {
  return {
    dropMimeTypes: [uriList],
    dragMimeTypes: [],
    handleDrop: async (target, data) => {
      const uris = await urisOf(data);
      if (uris.length > 0) {
        await push(uris, target);
      }
    },
  };
}

/** RFC 2483: a URI a line, `#` begins a comment. */
async function urisOf(data: DataTransfer): Promise<readonly Uri[]> {
  const text = (await data.get(uriList)?.asString()) ?? '';
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '' && !line.startsWith('#'));
  return lines.slice(0, maxDropped).flatMap((line) => {
    try {
      return [Uri.parse(line.trim(), true)];
    } catch {
      return [];
    }
  });
}

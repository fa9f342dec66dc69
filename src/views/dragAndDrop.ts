import { commands, DataTransferItem, Uri, type DataTransfer, type TreeDragAndDropController } from 'vscode';
import type { Node } from '../browse/node.ts';
import { Command, View } from '../contributions.ts';

const uriList = 'text/uri-list';

/** What the editor calls rows of this tree. */
const rows = `application/vnd.code.tree.${View.registries.toLowerCase()}`;

/** Most files and folders of one drop. */
const maxDropped = 1000;

export interface Drops {
  readonly push: (uris: readonly Uri[], target: Node | undefined) => Thenable<unknown>;
  readonly copy: (nodes: readonly Node[], target: Node) => Thenable<unknown>;
}

const dropped: Drops = {
  push: (uris, target) => commands.executeCommand(Command.pushFiles, uris[0], uris, target),
  copy: (nodes, target) => commands.executeCommand(Command.copyTo, nodes[0], nodes, target),
};

/**
 * Files and folders of the Explorer that are dropped on a row are pushed there, and tags and manifests of the tree are copied
 * there; the steps of a push or a copy follow.
 */
export function dragAndDrop({ push, copy }: Drops = dropped): TreeDragAndDropController<Node> {
  return {
    dropMimeTypes: [uriList, rows],
    dragMimeTypes: [],
    handleDrag: (source, data) => {
      const dragged = source.filter(({ kind }) => kind === 'tag' || kind === 'manifest');
      if (dragged.length > 0) {
        data.set(rows, new DataTransferItem(dragged));
      }
    },
    handleDrop: async (target, data) => {
      const nodes: unknown = data.get(rows)?.value;
      if (Array.isArray(nodes) && nodes.length > 0) {
        const elsewhere = (nodes as readonly Node[]).filter((node) => !isWithin(node, target));
        if (target && elsewhere.length > 0) {
          await copy(elsewhere, target);
        }
        return;
      }
      const uris = await urisOf(data);
      if (uris.length > 0) {
        await push(uris, target);
      }
    },
  };
}

/** A hand that slipped: what is dropped where it comes from is not copied. */
function isWithin(node: Node, target: Node | undefined): boolean {
  return (
    target !== undefined &&
    'repository' in node &&
    'repository' in target &&
    node.place.id === target.place.id &&
    node.repository === target.repository
  );
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

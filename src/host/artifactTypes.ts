import { Disposable, EventEmitter, extensions, workspace, type Event } from 'vscode';
import { parseTypeRow } from '../artifacts/parseTypeRow.ts';
import { contributedRows, maxRows, readTypeRows, type ReadRows } from '../artifacts/readTypeRows.ts';
import { createTable, type TypeRow, type TypeTable } from '../artifacts/table.ts';
import { log } from './log.ts';
import { plainText } from './plainText.ts';
import { onSettings, valueIn } from './settings.ts';

/** The types in force: built in, of other extensions, and the user's, which win in this order. */
export interface ArtifactTypes {
  /** The same object until `onDidChange`; made when it is first asked for. */
  table(): TypeTable;
  /** A row of another extension, until it is disposed. @throws {TypeError} that says what is wrong with it */
  register(row: unknown): Disposable;
  readonly onDidChange: Event<void>;
}

/** Most problems that are remembered as told. */
const maxTold = 1000;

/** Reads nothing before it is asked. */
export function createArtifactTypes(): ArtifactTypes & { dispose(): void } {
  const changed = new EventEmitter<void>();
  const registered = new Map<symbol, TypeRow>();
  const told = new Set<string>();
  let made: TypeTable | undefined;
  const forget = (): void => {
    // What nobody asked for yet has changed for nobody.
    if (made) {
      made = undefined;
      changed.fire();
    }
  };
  const tell = ({ rows, problems }: ReadRows, where: string): readonly TypeRow[] => {
    for (const problem of problems) {
      const line = plainText(`${where}: ${problem}`, 500);
      if (!told.has(line) && told.size < maxTold) {
        told.add(line);
        log().warn(line);
      }
    }
    return rows;
  };
  const subscriptions = Disposable.from(
    changed,
    onSettings(['artifactTypes'], forget),
    extensions.onDidChange(forget),
    workspace.onDidGrantWorkspaceTrust(forget),
  );
  return {
    onDidChange: changed.event,
    table: () => {
      made ??= createTable(
        [
          ...tell(readTypeRows(valueIn('artifactTypes', 'user')), 'ociExplorer.artifactTypes'),
          ...workspaceRows(
            tell(
              readTypeRows(valueIn('artifactTypes', 'workspace')),
              'ociExplorer.artifactTypes (workspace)',
            ),
          ),
        ],
        [...tell(contributedRows(extensions.all), 'contributes.ociArtifactTypes'), ...registered.values()],
      );
      return made;
    },
    register: (value) => {
      const parsed = parseTypeRow(value);
      if ('problem' in parsed) {
        throw new TypeError(`Not a row of an artifact type: ${parsed.problem}`);
      }
      if (registered.size >= maxRows) {
        throw new RangeError(`More than ${maxRows} artifact types are registered`);
      }
      const key = Symbol(parsed.row.id);
      registered.set(key, parsed.row);
      forget();
      return new Disposable(() => {
        if (registered.delete(key)) {
          forget();
        }
      });
    },
    dispose: () => {
      subscriptions.dispose();
    },
  };
}

/** A command is for people to run: none from a folder they do not trust. */
function workspaceRows(rows: readonly TypeRow[]): readonly TypeRow[] {
  return workspace.isTrusted
    ? rows
    : rows.map((row) => {
        const { pull, ...rest } = row;
        return pull === undefined ? row : rest;
      });
}

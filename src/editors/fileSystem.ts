import {
  Disposable,
  EventEmitter,
  FilePermission,
  FileSystemError,
  FileType,
  l10n,
  MarkdownString,
  workspace,
  type FileChangeEvent,
  type FileStat,
  type FileSystemProvider,
  type Uri,
} from 'vscode';
import { scheme } from '../contributions.ts';
import { errorText } from '../host/errorText.ts';
import { fromUri } from '../host/ociUri.ts';
import type { Services } from '../host/services.ts';
import { readDocument } from './readDocument.ts';

/** The read-only file system of manifests, configs and other blobs. */
export function registerFileSystem(services: Pick<Services, 'places' | 'manifests' | 'signal'>): Disposable {
  const changes = new EventEmitter<FileChangeEvent[]>();
  const read = async (uri: Uri): Promise<Uint8Array> => {
    const location = fromUri(uri);
    if (!location) {
      throw FileSystemError.FileNotFound(uri);
    }
    try {
      return await readDocument(location, services.places, services.manifests, { signal: services.signal });
    } catch (error) {
      throw FileSystemError.Unavailable(errorText(error).message);
    }
  };
  const refuse = (uri: Uri): never => {
    throw FileSystemError.NoPermissions(uri);
  };
  const provider: FileSystemProvider = {
    onDidChangeFile: changes.event,
    watch: () => new Disposable(() => undefined),
    stat: async (uri): Promise<FileStat> => {
      const location = fromUri(uri);
      if (!location) {
        throw FileSystemError.FileNotFound(uri);
      }
      // What a digest names never changes; only an indented form and a list have to be made to know their size.
      const isAsStored = location.form === 'original' && location.kind !== 'referrers' && location.size > 0;
      const size = isAsStored ? location.size : (await read(uri)).byteLength;
      return { type: FileType.File, ctime: 0, mtime: 0, size, permissions: FilePermission.Readonly };
    },
    readFile: read,
    readDirectory: () => [],
    createDirectory: refuse,
    writeFile: refuse,
    delete: refuse,
    rename: refuse,
  };
  const reason = new MarkdownString(
    l10n.t('Content of a registry is named by its digest and never changes.'),
  );
  return Disposable.from(
    changes,
    workspace.registerFileSystemProvider(scheme, provider, { isReadonly: reason, isCaseSensitive: true }),
  );
}

import {
  Disposable,
  EventEmitter,
  FileChangeType,
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
import { LruMap } from '../base/lru.ts';
import type { Location } from '../browse/location.ts';
import { scheme } from '../contributions.ts';
import { errorText } from '../host/errorText.ts';
import { fromUri } from '../host/ociUri.ts';
import { showError } from '../host/registerCommand.ts';
import type { Services } from '../host/services.ts';
import { digestOf } from '../oci/digest.ts';
import type { DocumentReader } from './readDocument.ts';
import { missingPlace } from './showDocument.ts';

/** A list of referrers as it was read last: the only documents that change. */
interface Version {
  readonly digest: string;
  /** Milliseconds, when it was first seen like this. */
  readonly mtime: number;
  /** Bytes. */
  readonly size: number;
  /** Read to tell the size, and handed out once, so that to open a document is to ask once. */
  bytes?: Uint8Array | undefined;
}

/** The read-only file system of manifests, configs and other blobs. */
export function registerFileSystem(
  { places, events, signal }: Pick<Services, 'places' | 'events' | 'signal'>,
  reader: DocumentReader,
): Disposable {
  const changes = new EventEmitter<FileChangeEvent[]>();
  const versions = new LruMap<string, Version>(200);
  const watched = new Map<string, Uri>();

  const locate = (uri: Uri): Location => {
    const location = fromUri(uri);
    if (!location) {
      throw FileSystemError.FileNotFound(uri);
    }
    return location;
  };
  const read = async (location: Location): Promise<Uint8Array> => {
    const place = places.get(location.place);
    if (!place) {
      throw FileSystemError.Unavailable(missingPlace(location));
    }
    try {
      return await reader.read(place, location, { signal });
    } catch (error) {
      void tell(location, error);
      throw FileSystemError.Unavailable(errorText(error).message);
    }
  };
  /**
   * The editor says of an error only that there was one. Commands read before they open, so this is a tab that was restored,
   * or another extension: said once, however many views ask.
   */
  const told = new Set<string>();
  const tell = async ({ place, repository, digest }: Location, error: unknown): Promise<void> => {
    const what = `${place}/${repository}@${digest}`;
    if (!told.has(what)) {
      told.add(what);
      await showError(error, what);
      told.delete(what);
    }
  };
  const readList = async (uri: Uri, location: Location): Promise<Version> => {
    const bytes = await read(location);
    const key = uri.toString();
    const digest = digestOf(bytes);
    const before = versions.get(key);
    const version: Version = {
      digest,
      mtime: before?.digest === digest ? before.mtime : Date.now(),
      size: bytes.byteLength,
      bytes,
    };
    versions.set(key, version);
    return version;
  };
  const refuse = (uri: Uri): never => {
    throw FileSystemError.NoPermissions(uri);
  };

  const provider: FileSystemProvider = {
    onDidChangeFile: changes.event,
    watch: (uri) => {
      watched.set(uri.toString(), uri);
      return new Disposable(() => watched.delete(uri.toString()));
    },
    stat: async (uri): Promise<FileStat> => {
      const location = locate(uri);
      const file = { type: FileType.File, ctime: 0, permissions: FilePermission.Readonly };
      if (location.kind === 'referrers') {
        const { mtime, size } = await readList(uri, location);
        return { ...file, mtime, size };
      }
      // What a digest names never changes; only an indented form has to be made to know its size.
      const isAsStored = location.form === 'original' && location.size !== undefined && location.size > 0;
      return { ...file, mtime: 0, size: isAsStored ? location.size : (await read(location)).byteLength };
    },
    readFile: async (uri) => {
      const location = locate(uri);
      if (location.kind !== 'referrers') {
        return read(location);
      }
      const held = versions.get(uri.toString());
      const bytes = held?.bytes;
      if (held && bytes) {
        held.bytes = undefined;
        return bytes;
      }
      const version = await readList(uri, location);
      const fresh = version.bytes ?? new Uint8Array();
      version.bytes = undefined;
      return fresh;
    },
    readDirectory: (uri) => {
      throw FileSystemError.FileNotADirectory(uri);
    },
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
    events.changed.event(({ place, repository }) => {
      const changed = [...watched.values()].filter((uri) => {
        const location = fromUri(uri);
        return (
          location?.kind === 'referrers' &&
          location.place === place &&
          (repository === undefined || location.repository === repository)
        );
      });
      changes.fire(changed.map((uri) => ({ type: FileChangeType.Changed, uri })));
    }),
    workspace.registerFileSystemProvider(scheme, provider, { isReadonly: reason, isCaseSensitive: true }),
  );
}

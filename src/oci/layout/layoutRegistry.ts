import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileError, OciError } from '../errors.ts';
import { isRepository } from '../reference.ts';
import type { Op, Registry, Repository } from '../store.ts';
import { dockerArchiveFiles, isDockerArchive } from './dockerArchive.ts';
import type { LayoutFiles } from './files.ts';
import { tarEntries, tarFiles } from './tarFiles.ts';
import { indexPath } from './indexFile.ts';
import { LayoutReader } from './layoutReader.ts';
import { LayoutStore } from './layoutStore.ts';
import { isLayoutFolder, localRegistry, repositoryNames } from './localRegistry.ts';

/**
 * Any image layout: a folder (read and written), an uncompressed tar of one or of `docker save` (read), or a folder of many
 * layouts.
 * @throws {OciError} `layout-invalid` when there is no layout, `file-missing`, `archive-invalid`, `unsupported`
 */
export async function layoutRegistry(path: string, op: Op = {}): Promise<Registry> {
  const stats = await stat(path).catch((error: unknown) => {
    throw fileError(error, path);
  });
  if (stats.isFile()) {
    const { files } = await archiveFiles(path, op);
    return single(path, readOnly(new LayoutReader(files), path));
  }
  if (await isLayoutFolder(path)) {
    return single(path, new LayoutStore(path));
  }
  if ((await repositoryNames(path, op)).length > 0) {
    return { ...localRegistry(path), kind: 'layout' };
  }
  throw new OciError('layout-invalid', `${path} is not an OCI image layout`, { url: path });
}

/**
 * A tar of a layout or, where it holds none, of `docker save`.
 * @throws {OciError} `layout-invalid` where it is neither, and as `tarEntries` and `dockerArchiveFiles`
 */
export async function archiveFiles(
  path: string,
  { signal }: Op = {},
): Promise<{ readonly files: LayoutFiles; readonly form: 'layout' | 'docker' }> {
  const entries = await tarEntries(path, signal);
  const files = tarFiles(path, entries);
  if ((await files.size(indexPath)) !== undefined) {
    return { files, form: 'layout' };
  }
  if (isDockerArchive(entries)) {
    return { files: await dockerArchiveFiles(path, entries, signal), form: 'docker' };
  }
  throw new OciError('layout-invalid', `${path} has no index.json`, { url: path });
}

/** The one repository of a layout goes by the name of its folder or file. */
export function repositoryNameOf(path: string): string {
  const name = basename(path)
    .toLowerCase()
    .replace(/\.(?:oci\.)?tar$/, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return isRepository(name) ? name : 'layout';
}

function single(path: string, store: Repository): Registry {
  const name = repositoryNameOf(path);
  return {
    kind: 'layout',
    repository: (asked) => {
      if (asked !== name) {
        throw new OciError('not-found', `${path} has only the repository ${name}`, { url: path });
      }
      return store;
    },
    repositories: () => Promise.resolve({ items: [name] }),
  };
}

/** A tar is not written to: copy it to a folder or a registry instead. */
function readOnly(reader: LayoutReader, path: string): Repository {
  const refuse = (): Promise<never> =>
    Promise.reject(new OciError('read-only', `${path} is a tar and is not written to`, { url: path }));
  return {
    resolve: (ref, op) => reader.resolve(ref, op),
    manifest: (ref, op) => reader.manifest(ref, op),
    fetch: (descriptor, op) => reader.fetch(descriptor, op),
    tags: (op) => reader.tags(op),
    referrers: (of, op) => reader.referrers(of, op),
    has: (descriptor) => reader.has(descriptor),
    untagged: (op) => reader.untagged(op),
    push: refuse,
    tag: refuse,
  };
}

import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ManifestFiles } from '../browse/manifestCache.ts';
import { algorithmOf, type Digest } from '../oci/digest.ts';
import { maxManifestSize } from '../oci/manifest.ts';
import { isManifestType } from '../oci/mediaTypes.ts';
import { manifestDigest } from '../oci/schema1.ts';
import type { FetchedManifest } from '../oci/store.ts';

/** Longest media type that is kept, and milliseconds after which a temporary file was left behind by a crash. */
const maxMediaType = 256;
const leftBehind = 3_600_000;

/**
 * Manifests in a folder, one file each, named by digest: the media type on a line, then the bytes. What is read is held
 * against its digest, so that a file that was cut or changed is no more than one that is missing. Oldest go first above
 * `limit` bytes. Several windows may share the folder.
 */
export function createManifestFiles(folder: string, limit = 64 * 1024 * 1024): ManifestFiles {
  /** Bytes by name, oldest first; undefined before the first write. */
  let sizes: Map<string, number> | undefined;
  let turn: Promise<unknown> = Promise.resolve();

  const store = async ({ descriptor, bytes }: FetchedManifest): Promise<void> => {
    sizes ??= await listed(folder);
    const name = nameOf(descriptor.digest);
    if (sizes.has(name)) {
      return;
    }
    const content = Buffer.concat([Buffer.from(`${descriptor.mediaType}\n`), bytes]);
    await writeWhole(folder, name, content);
    sizes.set(name, content.byteLength);
    let total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
    for (const [oldest, size] of sizes) {
      if (total <= limit) {
        break;
      }
      sizes.delete(oldest);
      total -= size;
      await rm(join(folder, oldest), { force: true });
    }
  };

  return {
    read: async (digest) => {
      const name = nameOf(digest);
      try {
        const found = parsed(digest, await readFile(join(folder, name)));
        if (!found) {
          sizes?.delete(name);
          await rm(join(folder, name), { force: true });
        }
        return found;
      } catch {
        return undefined;
      }
    },
    write: (manifest) => {
      const { descriptor, bytes } = manifest;
      const { mediaType, digest } = descriptor;
      if (isKept(mediaType) && manifestDigest(bytes, mediaType, algorithmOf(digest)) === digest) {
        turn = turn.then(() => store(manifest)).catch(() => undefined);
      }
    },
  };
}

function isKept(mediaType: string): boolean {
  return mediaType.length <= maxMediaType && isManifestType(mediaType);
}

function nameOf(digest: Digest): string {
  return digest.replace(':', '-');
}

function parsed(digest: Digest, content: Buffer): FetchedManifest | undefined {
  const end = content.indexOf(0x0a);
  const mediaType = content.toString('utf8', 0, Math.max(0, Math.min(end, maxMediaType + 1)));
  const bytes = content.subarray(end + 1);
  if (
    !isKept(mediaType) ||
    bytes.byteLength > maxManifestSize ||
    manifestDigest(bytes, mediaType, algorithmOf(digest)) !== digest
  ) {
    return undefined;
  }
  return { descriptor: { mediaType, digest, size: bytes.byteLength }, bytes };
}

/** Whole or not at all. It need not be flushed: what a crash leaves is checked when it is read. */
async function writeWhole(folder: string, name: string, content: Uint8Array): Promise<void> {
  const temporary = join(folder, `.tmp-${randomUUID()}`);
  await mkdir(folder, { recursive: true });
  try {
    await writeFile(temporary, content, { flag: 'wx', mode: 0o600 });
    await rename(temporary, join(folder, name));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
}

/** What is there, oldest first; what a crash left behind is removed. */
async function listed(folder: string): Promise<Map<string, number>> {
  const names = await readdir(folder).catch(() => []);
  const found: { readonly name: string; readonly size: number; readonly at: number }[] = [];
  for (const name of names) {
    const info = await stat(join(folder, name)).catch(() => undefined);
    if (info?.isFile() && /^sha(?:256|512)-/.test(name)) {
      found.push({ name, size: info.size, at: info.mtimeMs });
    } else if (info?.isFile() && name.startsWith('.tmp-') && Date.now() - info.mtimeMs > leftBehind) {
      await rm(join(folder, name), { force: true }).catch(() => undefined);
    }
  }
  return new Map(found.sort((a, b) => a.at - b.at).map(({ name, size }) => [name, size]));
}

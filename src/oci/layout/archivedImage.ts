import type { Descriptor } from '../descriptor.ts';
import { OciError } from '../errors.ts';
import { parseBounded } from '../parseBounded.ts';
import type { TarEntry } from './tarFiles.ts';

/** Tags by repository, each with the id of its topmost layer. */
export const repositoriesPath = 'repositories';

/** One image as an archive of either age describes it. */
export interface ArchivedImage {
  /** Whole references: `alpine:3.20`. */
  readonly names: readonly string[];
  readonly config: Uint8Array;
  /** From the lowest up. */
  readonly layers: readonly ArchivedLayer[];
}

export interface ArchivedLayer extends Descriptor {
  readonly entry: TarEntry;
}

/** An archive of `docker save`, to read the images in it. */
export interface DockerArchive {
  /** @throws {OciError} `archive-invalid` where there is no such file */
  bytes(name: string): Promise<Uint8Array>;
  /** A layer with the digest it has as it stands there. @throws {OciError} `archive-invalid` */
  layer(name: string): Promise<ArchivedLayer>;
}

/** @throws {OciError} `archive-invalid` */
export function parsed(bytes: Uint8Array, name: string, path: string): unknown {
  try {
    return parseBounded(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new OciError('archive-invalid', `${name.slice(0, 200)} of ${path} is not JSON`, { cause });
  }
}

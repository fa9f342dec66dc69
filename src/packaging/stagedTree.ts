import { archiveLimits } from '../archive/limits.ts';
import { foldedName } from '../archive/safePath.ts';
import { OciError } from '../oci/errors.ts';

type Kind = 'file' | 'folder' | 'link';

/** Every path of an archive with what it is: no path twice, and nothing below what is no folder. */
export class StagedTree {
  readonly #kinds = new Map<string, Kind>();
  readonly #folded: boolean;
  #bytes = 0;

  /** @param folded true where `a` and `A` are one file */
  constructor(folded: boolean) {
    this.#folded = folded;
  }

  get(parts: readonly string[]): Kind | undefined {
    return parts.length === 0 ? 'folder' : this.#kinds.get(this.#key(parts));
  }

  /** @throws {OciError} `path-unsafe`, `too-large` */
  add(parts: readonly string[], kind: Kind): void {
    for (let depth = 1; depth < parts.length; depth++) {
      const parent = parts.slice(0, depth);
      const known = this.get(parent);
      if (known === undefined) {
        this.#set(parent, 'folder');
      } else if (known !== 'folder') {
        throw unsafe(parts, `stands below ${text(parent)}, which is no folder`);
      }
    }
    const known = this.get(parts);
    if (known !== undefined && (known !== 'folder' || kind !== 'folder')) {
      throw unsafe(parts, 'is there twice');
    }
    if (known === undefined) {
      this.#set(parts, kind);
    }
  }

  #set(parts: readonly string[], kind: Kind): void {
    const key = this.#key(parts);
    this.#kinds.set(key, kind);
    this.#bytes += key.length;
    if (this.#kinds.size > archiveLimits.entries || this.#bytes > archiveLimits.nameBytes) {
      throw new OciError('too-large', `More than ${archiveLimits.entries} files, or too long names`);
    }
  }

  #key(parts: readonly string[]): string {
    const key = parts.join('/');
    return this.#folded ? foldedName(key) : key;
  }
}

function unsafe(parts: readonly string[], problem: string): OciError {
  return new OciError('path-unsafe', `${text(parts)} ${problem}`, { url: parts.join('/') });
}

function text(parts: readonly string[]): string {
  return JSON.stringify(parts.join('/').slice(0, 200));
}

import type { Registry } from '../oci/store.ts';

/** One root of the tree: one object as long as its id is in the settings, whatever else they say of it meanwhile. */
export interface Place {
  /** Stable for the life of the setting it comes from: `local`, `localhost:5000`, `ghcr.io#work`, `layout:/abs/path`. */
  readonly id: string;
  /** What people read. */
  readonly name: string;
  readonly kind: Registry['kind'];
  /** What a reference starts with: the host of a remote registry, the absolute folder of Local or of a layout. */
  readonly host: string;
  readonly registry: Registry;
  /** Only its repositories are listed. */
  readonly namespace?: string | undefined;
  /** Repositories that are shown whether the catalog names them or not. */
  readonly pinned: readonly string[];
  /** With pinned ones only, the catalog is not asked (it is denied, absent, or not wanted). */
  readonly pinnedOnly: boolean;
  /** True where each manifest read counts against a limit (Docker Hub): rows are named by `HEAD` until opened. */
  readonly countsReads: boolean;
}

export interface Places {
  /** Local first, then the registries in the order of the setting, then opened layouts. */
  all(): readonly Place[];
  get(id: string): Place | undefined;
}

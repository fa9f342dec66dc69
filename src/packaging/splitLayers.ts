import { join, posix } from 'node:path';
import ignore from 'ignore';
import { foldedName, safeParts } from '../archive/safePath.ts';
import { OciError } from '../oci/errors.ts';
import type { Op } from '../oci/store.ts';
import { readRules } from './ignoreRules.ts';
import type { PlanEntry, PlanLayer } from './plan.ts';

/**
 * What of a folder becomes a layer of its own: nothing, each folder directly in it, what the patterns in its `.ocilayers`
 * match, or what these match.
 */
export const splits = ['none', 'folders', 'patterns'] as const;
export type Split = (typeof splits)[number] | readonly string[];

/** Patterns in the style of `.gitignore`: each folder and file that one matches, the outermost first, is a layer. */
export const layersFile = '.ocilayers';

/** Most layers of one folder: each is two requests, and registries bound their manifests. */
const maxLayers = 1_000;

/** Most links that one path is followed through. */
const maxHops = 40;

export interface SplitOptions extends Op {
  readonly split: Split;
  readonly keepFileTimes: boolean;
}

/**
 * A folder as several layers, so that what has not changed is not sent again. Each is packed and named as `oras push` would
 * pack that folder or file, so that every tool that unpacks folders puts them together again: the folder's own layer comes
 * first, and holds all that has no other.
 * @throws {OciError} `too-large` for more than 1,000 layers; as `readRules`
 */
export async function splitFolder(layer: PlanLayer, options: SplitOptions): Promise<readonly PlanLayer[]> {
  const [root] = layer.entries;
  if (layer.kind !== 'folder' || !root || options.split === 'none') {
    return [layer];
  }
  const matches = await matcherOf(root, options.split);
  const names = new Names(layer);
  /** The layer that is being filled, in the order of a walk. */
  let current: { readonly name: string; readonly kind: PlanEntry['kind']; entries: PlanEntry[] } | undefined;
  const own: PlanEntry[] = [];
  const others: { readonly name: string; readonly kind: PlanEntry['kind']; entries: PlanEntry[] }[] = [];
  for (const entry of layer.entries) {
    options.signal?.throwIfAborted();
    if (current && entry.name.startsWith(`${current.name}/`)) {
      (entry.kind === 'link' && names.leaves(entry, current.name) ? own : current.entries).push(entry);
      continue;
    }
    current = undefined;
    const inner = entry.name.slice(root.name.length + 1);
    if (entry !== root && canBeLayer(entry, options) && matches(inner, entry.kind) && names.isPlain(entry)) {
      current = { name: entry.name, kind: entry.kind, entries: [entry] };
      others.push(current);
    } else {
      own.push(entry);
    }
  }
  if (others.length >= maxLayers) {
    throw new OciError('too-large', `More than ${maxLayers} layers of ${layer.title}`, { url: root.path });
  }
  return others.length === 0
    ? [layer]
    : [
        made(layer, layer.title, 'folder', names.withParents(own)),
        ...others.map(({ name, kind, entries }) =>
          made(layer, name, kind === 'file' ? 'file' : 'folder', entries),
        ),
      ];
}

function made(
  { compression }: PlanLayer,
  title: string,
  kind: PlanLayer['kind'],
  entries: readonly PlanEntry[],
): PlanLayer {
  const size = entries.reduce((sum, entry) => sum + entry.size, 0);
  return {
    title,
    kind,
    entries,
    size,
    ...(kind === 'folder' && compression !== undefined ? { compression } : {}),
  };
}

/**
 * A file that is a layer comes back with neither its time nor the bit that it can be run, as tools write it; some registries
 * take no empty one.
 */
function canBeLayer({ kind, mode, size }: PlanEntry, { keepFileTimes }: SplitOptions): boolean {
  return kind === 'folder' || (kind === 'file' && !keepFileTimes && (mode & 0o111) === 0 && size > 0);
}

async function matcherOf(
  { path }: PlanEntry,
  split: Exclude<Split, 'none'>,
): Promise<(inner: string, kind: PlanEntry['kind']) => boolean> {
  if (split === 'folders') {
    return (inner, kind) => kind === 'folder' && !inner.includes('/');
  }
  const lines = split === 'patterns' ? [(await readRules(join(path, layersFile))) ?? ''] : split;
  const patterns = ignore({ ignorecase: false }).add(lines.join('\n'));
  return (inner, kind) => patterns.ignores(kind === 'folder' ? `${inner}/` : inner);
}

/** What the entries of a folder are called, and where its links lead. */
class Names {
  readonly #title: string;
  readonly #folders = new Map<string, PlanEntry>();
  readonly #links = new Map<string, string>();
  /** How many names are one where case and the form of accents do not count. */
  readonly #folded = new Map<string, number>();

  constructor({ title, entries }: PlanLayer) {
    this.#title = title;
    for (const { name, ...entry } of entries) {
      const folded = foldedName(name);
      this.#folded.set(folded, (this.#folded.get(folded) ?? 0) + 1);
      if (entry.kind === 'folder') {
        this.#folders.set(name, { name, ...entry });
      } else if (entry.target !== undefined) {
        this.#links.set(name, entry.target);
      }
    }
  }

  /** Whether it can be the title of a layer: a name on every system, and no other is the same on any. */
  isPlain({ name }: PlanEntry): boolean {
    try {
      if (safeParts(name, { portable: true }).join('/') !== name) {
        return false;
      }
    } catch {
      return false;
    }
    return this.#parents(name)
      .concat(name)
      .every((each) => this.#folded.get(foldedName(each)) === 1);
  }

  /** Whether a link leads out of a folder, by its text or through other links: tools make only what stays in its layer. */
  leaves({ name, target = '' }: PlanEntry, folder: string): boolean {
    const isInside = (path: string): boolean => path === folder || path.startsWith(`${folder}/`);
    if (!isInside(posix.join(posix.dirname(name), target))) {
      return true;
    }
    let at = posix.dirname(name);
    let rest = target.split('/');
    for (let hops = 0; rest.length > 0;) {
      const [part = '', ...others] = rest;
      rest = others;
      const next = posix.join(at, part);
      const link = this.#links.get(next);
      if (link === undefined) {
        at = next;
      } else if (++hops > maxHops) {
        return true;
      } else {
        rest = [...link.split('/'), ...rest];
      }
    }
    return !isInside(at);
  }

  /** With the folders that are needed to make them, in the order of a walk. */
  withParents(entries: readonly PlanEntry[]): readonly PlanEntry[] {
    const there = new Set<string>();
    return entries.flatMap((entry) => {
      const missing = this.#parents(entry.name).filter((name) => !there.has(name));
      [...missing, entry.name].forEach((name) => there.add(name));
      return [...missing.flatMap((name) => this.#folders.get(name) ?? []), entry];
    });
  }

  /** The folders above, within and without the folder itself. */
  #parents(name: string): readonly string[] {
    const parents: string[] = [];
    for (let at = name.indexOf('/', this.#title.length + 1); at >= 0; at = name.indexOf('/', at + 1)) {
      parents.push(name.slice(0, at));
    }
    return parents;
  }
}

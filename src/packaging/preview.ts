import { humanSize } from '../artifacts/facts.ts';
import type { BuiltArtifact } from './artifact.ts';
import type { Misfit } from './fit.ts';
import type { PushPlan } from './plan.ts';

/** Most paths of each kind that a preview lists. */
const maxListed = 2000;

/**
 * Everything that would be sent, and what would not, as a JSON document to read.
 * @param nameOf an absolute path as people read it
 */
export function previewText(
  target: string,
  plan: PushPlan,
  { root, manifest, config, layers }: BuiltArtifact,
  nameOf: (path: string) => string,
  misfit?: Misfit,
): string {
  const files = plan.layers.flatMap((layer) => layer.entries).filter(({ kind }) => kind !== 'folder');
  const preview = {
    target,
    digest: root.digest,
    size: humanSize(layers.reduce((sum, { size }) => sum + size, 0)),
    ...(misfit ? { doesNotFit: misfit } : {}),
    pointedOut: cut(
      plan.concerns.map(({ path, kind, size }) => ({ path: nameOf(path), why: kind, size: humanSize(size) })),
    ),
    leftOut: cut(plan.skipped.map(({ path, reason }) => ({ path: nameOf(path), why: reason }))),
    layers: layers.map(({ digest, size, mediaType }, index) => ({
      title: plan.layers[index]?.title,
      files: plan.layers[index]?.entries.filter(({ kind }) => kind !== 'folder').length,
      size: humanSize(size),
      mediaType,
      digest,
    })),
    files: cut(
      files.map(({ name, size, kind, target: link }) => ({
        name,
        ...(kind === 'link' ? { link } : { size: humanSize(size) }),
      })),
    ),
    manifest: JSON.parse(new TextDecoder().decode(manifest)) as unknown,
    ...(config ? { config: parsed(config) } : {}),
  };
  return `${JSON.stringify(preview, undefined, 2)}\n`;
}

/** A config may be any file. */
function parsed(bytes: Uint8Array): unknown {
  const text = new TextDecoder().decode(bytes);
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text.slice(0, maxListed);
  }
}

function cut<T>(list: readonly T[]): readonly (T | string)[] {
  const rest = list.length - maxListed;
  return rest > 0 ? [...list.slice(0, maxListed), `… and ${rest} more`] : list;
}

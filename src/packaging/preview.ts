import type { BuiltArtifact } from './artifact.ts';
import type { PushPlan } from './plan.ts';

/** Most paths of each kind that a preview lists. */
const maxListed = 2000;

/** Everything that would be sent, and what would not, as a JSON document to read. */
export function previewText(target: string, plan: PushPlan, { root, manifest }: BuiltArtifact): string {
  const entries = plan.layers.flatMap((layer) => layer.entries);
  const preview = {
    target,
    digest: root.digest,
    manifest: JSON.parse(new TextDecoder().decode(manifest)) as unknown,
    concerns: plan.concerns.slice(0, maxListed),
    skipped: plan.skipped.slice(0, maxListed),
    files: entries
      .filter(({ kind }) => kind !== 'folder')
      .slice(0, maxListed)
      .map(({ name, size, kind, target: link }) => ({ name, ...(kind === 'link' ? { link } : { size }) })),
  };
  return `${JSON.stringify(preview, undefined, 2)}\n`;
}

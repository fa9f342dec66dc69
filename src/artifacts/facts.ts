import { isRecord } from '../oci/descriptor.ts';
import { Annotation } from '../oci/descriptor.ts';
import type { AnyManifest } from '../oci/manifest.ts';

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** Bytes in IEC units with at most three digits: `2 B`, `12 KiB`, `1.4 GiB`. */
export function humanSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  const text = unit === 0 || value >= 9.95 ? value.toFixed(0) : value.toFixed(1).replace(/\.0$/, '');
  return `${text} ${units[unit] ?? ''}`;
}

const spans = [
  [365 * 86_400, 'y'],
  [30 * 86_400, 'mo'],
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'min'],
] as const;

/** How long ago, in one unit: `3 d`. Empty for the time zero, which says only that a build is reproducible. */
export function age(date: Date, now: Date): string {
  const seconds = (now.getTime() - date.getTime()) / 1000;
  if (date.getTime() <= 0) {
    return '';
  }
  const span = spans.find(([length]) => seconds >= length);
  return span ? `${Math.floor(seconds / span[0])} ${span[1]}` : 'now';
}

/** Config and layers together, in bytes; of an index nothing, as its manifests are not read, and where no sizes are said. */
export function sizeOf(manifest: AnyManifest): number | undefined {
  return manifest.kind === 'index' || manifest.history
    ? undefined
    : manifest.layers.reduce((sum, { size }) => sum + size, manifest.config?.size ?? 0);
}

/** When the content says it was made: by annotation, else by its config or its last layer. */
export function createdOf(manifest: AnyManifest, config?: unknown): Date | undefined {
  const history = manifest.kind === 'manifest' ? manifest.history : undefined;
  return dateOf(
    manifest.annotations?.[Annotation.created] ??
      (isRecord(config) ? config['created'] : history?.at(-1)?.created),
  );
}

/** A date out of what a document says. */
export function dateOf(text: unknown): Date | undefined {
  const date = typeof text === 'string' && text.length < 64 ? new Date(text) : undefined;
  return date && !Number.isNaN(date.getTime()) ? date : undefined;
}

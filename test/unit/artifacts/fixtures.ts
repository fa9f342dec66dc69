import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Descriptor } from '../../../src/oci/descriptor.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { MediaType } from '../../../src/oci/mediaTypes.ts';

/** One form in which a type is found. */
export interface FixtureCase {
  readonly title: string;
  readonly rule: string;
  readonly descriptor?: Partial<Descriptor>;
  readonly tag?: string;
  readonly config?: unknown;
  readonly manifest: Readonly<Record<string, unknown>>;
}

/** `test/fixtures/artifacts/<id>.json`: what its tool writes, in every form, and what it is called. */
export interface Fixture {
  readonly id: string;
  readonly name: string;
  readonly category: string;
  readonly cases: readonly FixtureCase[];
}

const folder = path.join(import.meta.dirname, '../../fixtures/artifacts');

export const fixtures: readonly Fixture[] = globSync('*.json', { cwd: folder })
  .sort()
  .map((file) => JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as Fixture);

/** The descriptor a registry would give, or the one the case needs. */
export function descriptorOf({ descriptor, manifest }: FixtureCase): Descriptor {
  const bytes = Buffer.from(JSON.stringify(manifest));
  const stated = manifest['mediaType'];
  const mediaType =
    typeof stated === 'string' ? stated : 'manifests' in manifest ? MediaType.index : MediaType.manifest;
  return { mediaType, digest: digestOf(bytes), size: bytes.byteLength, ...descriptor };
}

/** The same value with the keys of every object the other way round. */
export function reversed(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(reversed);
  }
  return typeof value === 'object' && value !== null
    ? Object.fromEntries(
        Object.entries(value)
          .reverse()
          .map(([key, inner]) => [key, reversed(inner)]),
      )
    : value;
}

import type { Descriptor } from '../oci/descriptor.ts';

/** What a config may say of the artifact it belongs to. */
export interface ConfigFacts {
  /** RFC 3339. */
  readonly created: string;
  readonly layers: readonly Descriptor[];
  /** Digests of the layers as they are when nothing is compressed. */
  readonly diffIds: readonly string[];
  readonly wasmOs: string;
}

/** Texts of a row that stand for something, where they are the whole text. */
const placeholders: Readonly<Record<string, (facts: ConfigFacts) => unknown>> = {
  '{created}': ({ created }) => created,
  '{layerDigests}': ({ layers }) => layers.map(({ digest }) => digest),
  '{diffIds}': ({ diffIds }) => diffIds,
  '{files}': ({ layers, diffIds }) =>
    layers.map(({ mediaType }, index) => ({ diffID: diffIds[index], type: mediaType })),
  // As text: sizes of models are written so.
  '{size}': ({ layers }) => String(layers.reduce((sum, { size }) => sum + size, 0)),
  '{wasmOs}': ({ wasmOs }) => wasmOs,
};

/** The JSON of a config, with everything filled in. */
export function configContent(template: Readonly<Record<string, unknown>>, facts: ConfigFacts): Uint8Array {
  return Buffer.from(
    JSON.stringify(template, (_, value: unknown) => {
      const fill =
        typeof value === 'string' && Object.hasOwn(placeholders, value) ? placeholders[value] : undefined;
      return fill ? fill(facts) : value;
    }),
  );
}

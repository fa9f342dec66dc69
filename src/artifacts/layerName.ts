import type { Descriptor } from '../oci/descriptor.ts';
import { MediaType } from '../oci/mediaTypes.ts';
import { generatedName, saysNothing } from './generatedName.ts';
import { globMatcher, type Matcher } from './glob.ts';
import { identify } from './identify.ts';
import { builtInTable, type LayerRow, type TypeTable } from './table.ts';
import type { ArtifactType } from './type.ts';

/** Short name of a layer: what its owner's type calls it, else what any type does, else one made of the media type. */
export function layerName(layer: Descriptor, owner?: ArtifactType, table: TypeTable = builtInTable): string {
  const { mediaType } = layer;
  const row = owner && table.byId.get(owner.id);
  const name =
    (row?.layers && foundIn(namesOf(row.layers), mediaType)?.name) ??
    foundIn(allNamesOf(table), mediaType)?.name ??
    (mediaType === '' ? 'File' : generatedName(mediaType));
  const predicate = predicateOf(layer, table);
  return predicate === undefined || predicate === name ? name : `${name} (${predicate})`;
}

/** Rows by media type in lower case, and those that are for many. */
interface Names {
  readonly exact: ReadonlyMap<string, LayerRow>;
  readonly globs: readonly (readonly [Matcher, LayerRow])[];
}

const namesByTable = new WeakMap<TypeTable, Names>();

function allNamesOf(table: TypeTable): Names {
  let names = namesByTable.get(table);
  if (!names) {
    // What image layers are called in other types, and files of any content, says nothing without their owner.
    const rows = table.rows.toSorted((a, b) => Number(b.fallback ?? false) - Number(a.fallback ?? false));
    names = namesOf(
      rows.flatMap(({ layers = [] }) => layers).filter(({ mediaType }) => !saysNothing(mediaType)),
    );
    namesByTable.set(table, names);
  }
  return names;
}

/** The first row with a media type names it. */
function namesOf(layers: readonly LayerRow[]): Names {
  return {
    exact: new Map(layers.map((layer) => [layer.mediaType.toLowerCase(), layer] as const).reverse()),
    globs: layers
      .filter(({ mediaType }) => mediaType.includes('*'))
      .map((layer) => [globMatcher(layer.mediaType), layer]),
  };
}

function foundIn({ exact, globs }: Names, mediaType: string): LayerRow | undefined {
  return exact.get(mediaType.toLowerCase()) ?? globs.find(([matches]) => matches(mediaType))?.[1];
}

/** Types whose content says what it states only in an annotation. */
const statements: ReadonlySet<string> = new Set([
  'application/vnd.in-toto+json',
  'application/vnd.dsse.envelope.v1+json',
]);

/** What an attestation states, by the predicate type on its layer: `SLSA provenance`. */
function predicateOf({ mediaType, annotations }: Descriptor, table: TypeTable): string | undefined {
  if (!annotations || !statements.has(mediaType.toLowerCase())) {
    return undefined;
  }
  const type = identify({ layers: [{ mediaType, annotations }] }, {}, {}, table);
  return type.evidence.length > 1 ? type.name : undefined;
}

/** What the layers of an attestation state, each once. */
export function statementsOf(layers: readonly Descriptor[]): readonly string[] {
  return [...new Set(layers.slice(0, 16).flatMap((layer) => predicateOf(layer, builtInTable) ?? []))];
}

/** What the bytes of a layer are, where a row says so because its media type does not: `tar+gzip`, `json`… */
export function layerContent(layer: Descriptor): string | undefined {
  return foundIn(allNamesOf(builtInTable), layer.mediaType)?.content;
}

/** Short name of a config: by the type that uses it, as nearly every type has a config of its own. */
export function configName(config: Descriptor, owner?: ArtifactType): string {
  if (config.mediaType === MediaType.empty) {
    return 'Empty config';
  }
  if (config.mediaType === MediaType.imageConfig || config.mediaType === MediaType.dockerConfig) {
    return 'Image config';
  }
  return owner && owner.id !== 'unknown'
    ? `${owner.name} config`
    : `${generatedName(config.mediaType)} config`;
}

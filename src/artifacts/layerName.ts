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
    (row?.layers && namedIn(namesOf(row.layers), mediaType)) ??
    namedIn(allNamesOf(table), mediaType) ??
    (mediaType === '' ? 'File' : generatedName(mediaType));
  const predicate = predicateOf(layer, table);
  return predicate === undefined || predicate === name ? name : `${name} (${predicate})`;
}

/** Names by media type in lower case, and those that are for many. */
interface Names {
  readonly exact: ReadonlyMap<string, string>;
  readonly globs: readonly (readonly [Matcher, string])[];
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
    exact: new Map(layers.map(({ mediaType, name }) => [mediaType.toLowerCase(), name] as const).reverse()),
    globs: layers
      .filter(({ mediaType }) => mediaType.includes('*'))
      .map(({ mediaType, name }) => [globMatcher(mediaType), name]),
  };
}

function namedIn({ exact, globs }: Names, mediaType: string): string | undefined {
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

import { open } from 'node:fs/promises';
import { many } from '../artifacts/claims.ts';
import { globMatcher } from '../artifacts/glob.ts';
import { identify } from '../artifacts/identify.ts';
import type { TypeTable } from '../artifacts/table.ts';
import { fileError } from '../oci/errors.ts';
import { isMediaType } from '../oci/mediaTypes.ts';

/** What a file is, so far as its name and its content tell. */
export interface AttachType {
  readonly artifactType: string;
  /** Short name of the type, as the tree shows it. */
  readonly label: string;
}

/** How a kind of document is told; its media type is the artifact type, and that of the layer. */
interface Kind {
  readonly mediaType: string;
  /** Names, `*` for anything. */
  readonly names: readonly string[];
  /** In the first or last part of the content. A name alone is enough where there is none. */
  readonly content?: RegExp;
}

/** The first that fits decides; content says more than a name. */
const kinds: readonly Kind[] = [
  {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    names: ['*.sigstore', '*.sigstore.json', '*.bundle.json'],
    content: /"mediaType"\s*:\s*"application\/vnd\.dev\.sigstore\.bundle[.+]/,
  },
  {
    mediaType: 'application/vnd.dsse.envelope.v1+json',
    names: ['*.dsse', '*.dsse.json', '*.intoto.jsonl'],
    content: /"payloadType"\s*:\s*"[^"]{1,200}"/,
  },
  {
    mediaType: 'application/vnd.in-toto+json',
    names: ['*.intoto.json', '*.in-toto.json'],
    content: /"_type"\s*:\s*"https:\/\/in-toto\.io\/Statement\//,
  },
  {
    mediaType: 'application/openvex+json',
    names: ['*.openvex.json', '*.vex.json'],
    content: /"@context"\s*:\s*"https:\/\/openvex\.dev\//,
  },
  {
    mediaType: 'application/csaf+json',
    names: ['*.csaf.json'],
    content: /"csaf_version"\s*:/,
  },
  {
    mediaType: 'application/sarif+json',
    names: ['*.sarif', '*.sarif.json'],
    content: /"\$schema"\s*:\s*"[^"]{0,300}sarif|^\s*\{\s*"version"\s*:\s*"2\.1\.0"\s*,\s*"runs"/i,
  },
  {
    mediaType: 'application/vnd.cyclonedx+json',
    names: ['*.cdx.json', '*.bom.json', 'bom.json'],
    content: /"bomFormat"\s*:\s*"CycloneDX"/,
  },
  {
    mediaType: 'application/vnd.cyclonedx+xml',
    names: ['*.cdx.xml', '*.bom.xml', 'bom.xml'],
    content: /<bom\s[^>]{0,2000}cyclonedx\.org\/schema\/bom/,
  },
  {
    mediaType: 'application/vnd.syft+json',
    names: ['*.syft.json'],
    content: /anchore\/syft\/[^"]{0,200}schema/,
  },
  {
    mediaType: 'application/spdx+json',
    names: ['*.spdx.json'],
    content: /"spdxVersion"\s*:\s*"SPDX-|"@context"\s*:\s*"https:\/\/spdx\.org\/rdf\//,
  },
  {
    mediaType: 'text/spdx',
    names: ['*.spdx', '*.spdx.txt'],
    content: /^SPDXVersion:\s*SPDX-/m,
  },
  {
    mediaType: 'application/pgp-signature',
    names: ['*.asc'],
    content: /^-----BEGIN PGP SIGNATURE-----/,
  },
  { mediaType: 'text/markdown', names: ['*.md', '*.markdown', 'README'] },
];

const matchers = kinds.map(({ names }) => names.map(globMatcher));

/** Bytes at the start and at the end of a file that are looked at: keys of JSON may stand anywhere. */
const looked = 64 * 1024;

/** Types of the table that say something about another artifact, and are told by `artifactType` alone. */
const attachable: ReadonlySet<string> = new Set(['sbom', 'metadata', 'attestation', 'signature']);

/** The media type of a document a file is; undefined where neither content nor name tells. */
export async function documentTypeOf(path: string): Promise<string | undefined> {
  return documentType(path.replace(/^.*[/\\]/, ''), await partsOf(path));
}

/** @param text the first and the last part of its content */
export function documentType(name: string, text: string): string | undefined {
  const byContent = kinds.find(({ content }) => content?.test(text));
  const byName = kinds.find((_, index) => matchers[index]?.some((matches) => matches(name)));
  return (byContent ?? byName)?.mediaType;
}

/**
 * Types to choose from: those of the files first, then what else of the table says something about an artifact, by name.
 * @param found media types of the files that tell what they are
 */
export function attachTypes(
  found: readonly string[],
  table: TypeTable,
): { readonly fitting: readonly AttachType[]; readonly others: readonly AttachType[] } {
  const named = (artifactType: string): AttachType => ({
    artifactType,
    label: identify({ artifactType, config: { mediaType: artifactType }, layers: [] }, {}, {}, table).name,
  });
  const count = (type: string): number => found.filter((each) => each === type).length;
  const fitting = [...new Set(found)].sort((a, b) => count(b) - count(a)).map(named);
  const types = new Set([
    ...kinds.map(({ mediaType }) => mediaType),
    ...table.rows
      .filter(({ category, match }) => attachable.has(category ?? 'other') && !match.require)
      .flatMap(({ match }) => many(match.artifactType).filter(isMediaType).slice(0, 1)),
  ]);
  const others = [...types]
    .filter((type) => !found.includes(type) && !type.includes('*'))
    .map(named)
    .sort((a, b) => a.label.localeCompare(b.label, 'en') || (a.artifactType < b.artifactType ? -1 : 1));
  return { fitting, others };
}

async function partsOf(path: string): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      const start = await file.read(Buffer.alloc(looked), 0, looked, 0);
      const end = await file.read(Buffer.alloc(looked), 0, looked, Math.max(looked, size - looked));
      return [start, end].map(({ buffer, bytesRead }) => buffer.toString('utf8', 0, bytesRead)).join('\n');
    } finally {
      await file.close();
    }
  } catch (error) {
    throw fileError(error, path);
  }
}

import { isRecord, type Descriptor } from '../oci/descriptor.ts';
import { shortDigest, type Digest } from '../oci/digest.ts';
import type { Manifest } from '../oci/manifest.ts';
import { layerContent } from './layerName.ts';
import type { LayerRow } from './table.ts';

/** What a file is called where the table of types says what its bytes are. */
const byContent: Readonly<Record<string, string>> = {
  'tar+gzip': '.tar.gz',
  'tar+zstd': '.tar.zst',
  tar: '.tar',
  json: '.json',
  yaml: '.yaml',
  text: '.txt',
  wasm: '.wasm',
  zip: '.zip',
};

/** Else by the end of its media type. */
const byEnding: readonly (readonly [RegExp, string])[] = [
  [/tar[+.-]gzip$|\.tgz$|tar\.gz$/, '.tar.gz'],
  [/tar[+.-]zstd$/, '.tar.zst'],
  [/[/.+-]tar$/, '.tar'],
  [/[/.+-]json$/, '.json'],
  [/[/.+-]ya?ml$/, '.yaml'],
  [/[/.+-]xml$/, '.xml'],
  [/[/.+-]zip$/, '.zip'],
  [/[/.+-]gzip$/, '.gz'],
  [/[/.+-]wasm$/, '.wasm'],
  [/[/.+-]rego$/, '.rego'],
  [/[/.+-]pem$/, '.pem'],
  [/^text\/markdown$/, '.md'],
  [/^text\//, '.txt'],
];

const helmConfig = 'application/vnd.cncf.helm.config.v1+json';
const helmLayers: Readonly<Record<string, string>> = {
  'application/vnd.cncf.helm.chart.content.v1.tar+gzip': '.tgz',
  'application/tar+gzip': '.tgz',
  'application/vnd.cncf.helm.chart.provenance.v1.prov': '.tgz.prov',
};

/** True where `config`, which says name and version, is needed for the names its own tool would give. */
export function needsConfig(manifest: Manifest): boolean {
  return manifest.config?.mediaType === helmConfig;
}

/** Names its own tool would write layers without a title under: a chart as `name-version.tgz`. */
export function knownFileNames(manifest: Manifest, config: unknown): ReadonlyMap<Digest, string> {
  const names = new Map<Digest, string>();
  if (manifest.config?.mediaType === helmConfig && isRecord(config)) {
    const { name, version } = config;
    const base = `${String(name)}-${String(version)}`;
    for (const { mediaType, digest } of manifest.layers) {
      const ending = helmLayers[mediaType];
      if (typeof name === 'string' && typeof version === 'string' && ending !== undefined && isPlain(base)) {
        names.set(digest, `${base}${ending}`);
      }
    }
  }
  return names;
}

/** What a config says is anyone's: only what is a file name everywhere. */
function isPlain(name: string): boolean {
  return name.length < 200 && /^[A-Za-z0-9][\w.+-]*$/.test(name);
}

/** What files with this content are called by, where the row of a layer or its media type says; any text says nothing. */
export function fileEnding({ mediaType, content }: LayerRow): string | undefined {
  const ending =
    byContent[content ?? ''] ?? byEnding.find(([pattern]) => pattern.test(mediaType.toLowerCase()))?.[1];
  return ending === '.txt' ? undefined : ending;
}

/** A name for content that has none: its digest, and what it is. */
export function digestFileName(descriptor: Descriptor): string {
  const [mediaType = ''] = descriptor.mediaType.toLowerCase().split(';', 1);
  const ending =
    byContent[layerContent(descriptor) ?? ''] ??
    byEnding.find(([pattern]) => pattern.test(mediaType))?.[1] ??
    '.bin';
  return `${shortDigest(descriptor.digest)}${ending}`;
}

import { ByteReader } from '../archive/byteReader.ts';
import { decompressed } from '../archive/decompress.ts';
import { tarEntries } from '../archive/tarEntries.ts';
import { collect } from '../base/bytes.ts';
import { OciError } from '../oci/errors.ts';
import { goEscaped } from '../oci/goJson.ts';
import { parseYaml } from './parseYaml.ts';
import type { PlanLayer } from './plan.ts';
import { fileOf } from './tarStream.ts';
import type { YamlScalar, YamlValue } from './yamlScalars.ts';

/** What a chart says of itself. */
export interface Chart {
  /** A plain name. */
  readonly name: string;
  /** The tag that helm gives it, and finds it by: a tag has no plus. */
  readonly tag: string;
  /** The config helm makes of `Chart.yaml`, byte for byte. */
  readonly config: Uint8Array;
}

/** Far more than any `Chart.yaml` has. */
const maxChart = 256 * 1024;

/**
 * The chart that a folder or an archive of one is; undefined where it is none.
 * @throws {OciError} `file-error` for a `Chart.yaml` that cannot be read, and those of `fileOf` and of archives
 */
export async function readChart(layer: PlanLayer, signal?: AbortSignal): Promise<Chart | undefined> {
  const bytes = await (layer.kind === 'folder' ? ofFolder(layer, signal) : ofArchive(layer, signal));
  if (!bytes) {
    return undefined;
  }
  try {
    const root = parseYaml(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    const config = root instanceof Map ? objectText(root, chartFields) : '{}';
    const { name, version } = JSON.parse(config) as { readonly name?: string; readonly version?: string };
    return name !== undefined && version !== undefined && /^[A-Za-z0-9][\w.-]{0,249}$/.test(name)
      ? { name, tag: version.replaceAll('+', '_'), config: Buffer.from(goEscaped(config)) }
      : undefined;
  } catch (error) {
    throw new OciError('file-error', `Chart.yaml of ${layer.title}, ${(error as Error).message}`, {
      url: layer.title,
      cause: error,
    });
  }
}

async function ofFolder(
  { title, entries }: PlanLayer,
  signal?: AbortSignal,
): Promise<Uint8Array | undefined> {
  const entry = entries.find(({ name, kind }) => kind === 'file' && name === `${title}/Chart.yaml`);
  return entry && entry.size <= maxChart ? collect(fileOf(entry, signal), maxChart) : undefined;
}

async function ofArchive(
  { title, entries: [file] }: PlanLayer,
  signal?: AbortSignal,
): Promise<Uint8Array | undefined> {
  if (!file || !/\.(?:tgz|tar\.gz)$/i.test(title)) {
    return undefined;
  }
  const reader = new ByteReader(decompressed(fileOf(file, signal), { anyRatio: false }));
  try {
    for await (const entry of tarEntries(reader)) {
      // Of a chart within a chart the name is longer.
      if (entry.kind === 'file' && entry.size <= maxChart && /^[^/]+\/Chart\.yaml$/.test(entry.name)) {
        return await collect(entry.body(), maxChart);
      }
    }
  } finally {
    await reader.close();
  }
  return undefined;
}

/** How a field of helm's structs is written; undefined leaves it out. */
type Writer = (value: YamlValue | undefined, path: string) => string | undefined;

function isScalar(value: YamlValue | undefined): value is YamlScalar {
  return typeof value === 'object' && value !== null && 'isPlain' in value;
}

function isNull(value: YamlValue | undefined): boolean {
  return (
    value === undefined || value === null || (isScalar(value) && value.isPlain && isNullText(value.text))
  );
}

function isNullText(text: string): boolean {
  return /^(?:~|null|Null|NULL|)$/.test(text);
}

/** What a plain text means, as helm's reader of YAML sees it. */
function meant({ text, isPlain }: YamlScalar): string | number | boolean {
  if (!isPlain) {
    return text;
  }
  if (/^(?:true|True|TRUE|yes|Yes|YES|on|On|ON|false|False|FALSE|no|No|NO|off|Off|OFF)$/.test(text)) {
    return /^(?:t|y|on)/i.test(text);
  }
  return /^[-+]?(?:\d+\.\d*|\.\d+|0|[1-9]\d{0,14})(?:[eE][-+]?\d+)?$/.test(text) ? Number(text) : text;
}

const text =
  (isAlways = false): Writer =>
  (value, path) => {
    if (!isNull(value) && !isScalar(value)) {
      throw new TypeError(`${path} is no text`);
    }
    const written = isScalar(value) && !isNull(value) ? String(meant(value)) : '';
    return written === '' && !isAlways ? undefined : JSON.stringify(written);
  };

const flag: Writer = (value, path) => {
  if (isNull(value)) {
    return undefined;
  }
  const found = isScalar(value) ? meant(value) : undefined;
  if (typeof found !== 'boolean') {
    throw new TypeError(`${path} is neither true nor false`);
  }
  return found ? 'true' : undefined;
};

const list =
  (item: Writer): Writer =>
  (value, path) => {
    if (!isNull(value) && !Array.isArray(value)) {
      throw new TypeError(`${path} is no list`);
    }
    const items = Array.isArray(value) ? (value as readonly YamlValue[]) : [];
    const written = items.map((each, index) => item(each, `${path}[${index}]`) ?? 'null');
    return written.length === 0 ? undefined : `[${written.join(',')}]`;
  };

const texts: Writer = (value, path) => {
  if (!isNull(value) && !(value instanceof Map)) {
    throw new TypeError(`${path} is no map`);
  }
  const map = value instanceof Map ? [...(value as ReadonlyMap<string, YamlValue>)] : [];
  map.sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const written = map.map(
    ([key, each]) => `${JSON.stringify(key)}:${text(true)(each, `${path}.${key}`) ?? ''}`,
  );
  return written.length === 0 ? undefined : `{${written.join(',')}}`;
};

const anything: Writer = (value) => JSON.stringify(plain(value));

function plain(value: YamlValue | undefined): unknown {
  if (value instanceof Map) {
    const map = [...(value as ReadonlyMap<string, YamlValue>)];
    map.sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    return Object.fromEntries(map.map(([key, each]) => [key, plain(each)]));
  }
  if (Array.isArray(value)) {
    return (value as readonly YamlValue[]).map(plain);
  }
  return isScalar(value) && !isNull(value) ? meant(value) : null;
}

const struct =
  (fields: Readonly<Record<string, Writer>>): Writer =>
  (value, path) => {
    if (!(value instanceof Map)) {
      throw new TypeError(`${path} is no map`);
    }
    return objectText(value as ReadonlyMap<string, YamlValue>, fields, path);
  };

/** Fields of helm's `chart.Metadata`, in the order it writes them. */
const chartFields: Readonly<Record<string, Writer>> = {
  name: text(),
  home: text(),
  sources: list(text(true)),
  version: text(),
  description: text(),
  keywords: list(text(true)),
  maintainers: list(struct({ name: text(), email: text(), url: text() })),
  icon: text(),
  apiVersion: text(),
  condition: text(),
  tags: text(),
  appVersion: text(),
  deprecated: flag,
  annotations: texts,
  kubeVersion: text(),
  dependencies: list(
    struct({
      name: text(true),
      version: text(),
      repository: text(true),
      condition: text(),
      tags: list(text(true)),
      enabled: flag,
      'import-values': list(anything),
      alias: text(),
    }),
  ),
  type: text(),
};

function objectText(
  map: ReadonlyMap<string, YamlValue>,
  fields: Readonly<Record<string, Writer>>,
  path = '',
): string {
  const written = Object.entries(fields).flatMap(([name, write]) => {
    const field = write(map.get(name), path === '' ? name : `${path}.${name}`);
    return field === undefined ? [] : [`${JSON.stringify(name)}:${field}`];
  });
  return `{${written.join(',')}}`;
}

import { basename } from 'node:path';
import { collect } from '../base/bytes.ts';
import { readChart, type Chart } from './chart.ts';
import { configContent, type ConfigFacts } from './configContent.ts';
import { layerTypeOf } from './layerTypes.ts';
import type { PlanLayer, PushPlan } from './plan.ts';
import type { PushType } from './pushTypes.ts';
import { fileOf } from './tarStream.ts';

/** A plan as its type wants it, and what the manifest says besides. */
export interface PreparedPush {
  readonly plan: PushPlan;
  readonly artifactType?: string;
  /** A config of its own. */
  readonly config?: { readonly mediaType: string; readonly content: (facts: ConfigFacts) => Uint8Array };
  /** Of a layer; undefined: as oras says. */
  readonly layerType: (layer: PlanLayer) => string | undefined;
  readonly annotations: Readonly<Record<string, string>>;
  readonly pathAnnotation?: string;
  /** What the content of the config is known by, of what only the files say. */
  readonly wasmOs: string;
  /** Titles of what looks like one by its name, and is none. */
  readonly lacking: readonly string[];
  /** The tag its tool finds it by, where that is within it. */
  readonly ownTag?: string;
}

const chartFile = 'Chart.yaml';

/** Most bytes of a file that is a config. */
const maxConfig = 4 * 1024 * 1024;

/**
 * What a type makes of a plan: its media types, the order of its layers, and its config, for which files are read.
 * @throws {OciError} as `readChart` and `fileOf`
 */
export async function preparePush(
  plan: PushPlan,
  { push, row }: PushType,
  signal?: AbortSignal,
): Promise<PreparedPush> {
  const { artifactType, configMediaType, config = {}, configFile, annotations = {}, pathAnnotation } = push;
  const made: Made =
    configMediaType === undefined || configFile === undefined
      ? { layers: plan.layers, lacking: [] }
      : configFile === chartFile
        ? await withChart(plan.layers, signal)
        : await withFile(plan.layers, configFile, signal);
  const layerType = (layer: PlanLayer): string | undefined => row && layerTypeOf(row, layer);
  const order = (row?.layers ?? []).map(({ mediaType }) => mediaType);
  const place = (layer: PlanLayer): number => {
    const at = order.indexOf(layerType(layer) ?? '');
    return at < 0 ? order.length : at;
  };
  const { content } = made;
  return {
    // Tools of types with layers of several kinds go by their places.
    plan: { ...plan, layers: made.layers.toSorted((a, b) => place(a) - place(b)) },
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(configMediaType === undefined
      ? {}
      : {
          config: {
            mediaType: configMediaType,
            content: (facts) => content ?? configContent(config, facts),
          },
        }),
    layerType,
    annotations,
    ...(pathAnnotation === undefined ? {} : { pathAnnotation }),
    wasmOs: configMediaType === undefined ? '' : await wasmOsOf(made.layers, signal),
    lacking: made.lacking,
    ...(made.ownTag === undefined ? {} : { ownTag: made.ownTag }),
  };
}

interface Made {
  readonly layers: readonly PlanLayer[];
  readonly content?: Uint8Array;
  readonly lacking: readonly string[];
  readonly ownTag?: string;
}

/** The config of the first chart; a folder is packed under the name of its chart, as helm packs it. */
async function withChart(layers: readonly PlanLayer[], signal?: AbortSignal): Promise<Made> {
  let first: Chart | undefined;
  const lacking: string[] = [];
  const renamed: PlanLayer[] = [];
  for (const layer of layers) {
    const chart = layer.title.endsWith('.prov') ? undefined : await readChart(layer, signal);
    first ??= chart;
    if (chart && layer.kind === 'folder') {
      const { length } = layer.title;
      renamed.push({
        ...layer,
        title: chart.name,
        entries: layer.entries.map((entry) => ({ ...entry, name: chart.name + entry.name.slice(length) })),
      });
    } else {
      renamed.push(layer);
      if (!chart && !layer.title.endsWith('.prov')) {
        lacking.push(layer.title);
      }
    }
  }
  return { layers: renamed, ...(first ? { content: first.config, ownTag: first.tag } : {}), lacking };
}

/** A file that is the config is no layer. */
async function withFile(layers: readonly PlanLayer[], name: string, signal?: AbortSignal): Promise<Made> {
  const file = layers.find(
    ({ kind, title, size }) => kind === 'file' && basename(title) === name && size <= maxConfig,
  );
  const [entry] = file?.entries ?? [];
  return entry
    ? {
        layers: layers.filter((each) => each !== file),
        content: await collect(fileOf(entry, signal), maxConfig),
        lacking: [],
      }
    : { layers, lacking: [] };
}

/** Which system interface the first Wasm binary is for: a component has another version than a module has. */
async function wasmOsOf(layers: readonly PlanLayer[], signal?: AbortSignal): Promise<string> {
  const [entry] = layers.find(({ kind, title }) => kind === 'file' && /\.wasm$/i.test(title))?.entries ?? [];
  for await (const chunk of entry ? fileOf(entry, signal) : []) {
    return Buffer.from(chunk.subarray(0, 8)).toString('hex') === '0061736d0d000100' ? 'wasip2' : 'wasip1';
  }
  return 'wasip1';
}

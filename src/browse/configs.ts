import { isRecord, type Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { ReadStore } from '../oci/store.ts';
import type { Named } from './browser.ts';
import { readConfig } from './naming.ts';
import { WeightedLru } from './weightedLru.ts';

/** Bytes of labels that are kept. */
const kept = 8 * 1024 * 1024;

/** What of image configs says what an image is and when it was made, by digest: never asked for twice. */
export class Configs {
  readonly #known = new WeightedLru<Digest, object>(kept, (facts) => JSON.stringify(facts).length + 256);

  get({ digest }: Descriptor): unknown {
    return this.#known.get(digest);
  }

  /** @throws {OciError} what the store throws; undefined where it is too large to be read */
  async read(store: ReadStore, named: Named, signal?: AbortSignal): Promise<unknown> {
    const config = named.manifest?.kind === 'manifest' ? named.manifest.config : undefined;
    const known = config && this.#known.get(config.digest);
    if (known !== undefined || !config) {
      return known;
    }
    const read = await readConfig(store, config, signal);
    if (!isRecord(read)) {
      return undefined;
    }
    const inner = isRecord(read['config']) ? read['config'] : {};
    const facts = { created: read['created'], config: { Labels: inner['Labels'] } };
    this.#known.set(config.digest, facts);
    return facts;
  }
}

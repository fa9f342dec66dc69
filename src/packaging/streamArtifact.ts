import { smallContent } from '../base/lanes.ts';
import { copyBlob } from '../oci/copy.ts';
import { Annotation, type Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { parseManifest } from '../oci/manifest.ts';
import { MediaType } from '../oci/mediaTypes.ts';
import { canStream, type CopyEvents, type FetchedManifest, type Store } from '../oci/store.ts';
import { buildArtifact, type ArtifactOptions, type BuiltArtifact, type LayerSink } from './artifact.ts';
import type { PlanLayer, PushPlan } from './plan.ts';
import { heldBy, sendArtifact, type SendOptions } from './sendArtifact.ts';

/**
 * What `buildArtifact` and `sendArtifact` do in turn, at once: a layer is sent while it is packed and hashed, unless it may be in
 * the target already, and each other as soon as its digest is known. The manifest and its tag come last, as ever.
 * @throws {OciError} as both; nothing is left in `options.temporary` then
 */
export async function streamArtifact(
  plan: PushPlan,
  options: ArtifactOptions,
  target: Store,
  tag: string,
  send: SendOptions,
): Promise<BuiltArtifact> {
  const { existing, wasSent, share, onBytes } = send;
  const held = heldBy(existing);
  const sizes = sizesOf(existing);
  const done = new Map<Digest, Promise<void>>();
  const shared = <T>(size: number, task: () => Promise<T>, signal: AbortSignal): Promise<T> =>
    share ? share.run(size, task, signal) : task();
  const sink: LayerSink = {
    stream: async (layer, body, signal) => {
      if (!canStream(target) || layer.size <= smallContent || mayBeThere(layer, sizes)) {
        return undefined;
      }
      const guess = new Guess(layer.size, send);
      try {
        const blob = await shared(
          layer.size,
          () =>
            target.pushStream((isBrief) => body(guess.begin(), isBrief), {
              signal,
              onBytes: (bytes) => {
                guess.sent(bytes);
                onBytes?.(bytes);
              },
            }),
          signal,
        );
        guess.end();
        if (blob) {
          const descriptor = { mediaType: MediaType.octetStream, ...blob };
          send.onPlan?.(descriptor);
          send.onDone?.(descriptor, 'copied');
          done.set(blob.digest, Promise.resolve());
        }
        return blob;
      } catch (error) {
        guess.end();
        throw error;
      }
    },
    send: (descriptor, store, signal) => {
      const work = async (): Promise<void> => {
        send.onPlan?.(descriptor);
        const how = await shared(
          descriptor.size,
          () =>
            copyBlob(descriptor, store, target, {
              signal,
              onBytes,
              held: ({ digest }) => held.has(digest),
              unasked: ({ digest, size }) => size <= smallContent && !wasSent(digest),
            }),
          signal,
        );
        send.onDone?.(descriptor, how);
      };
      const sent = done.get(descriptor.digest) ?? work();
      done.set(descriptor.digest, sent);
      return sent;
    },
  };
  const built = await buildArtifact(plan, options, sink);
  try {
    await sendArtifact(built, target, tag, { ...send, done: new Set(done.keys()) });
    return built;
  } catch (error) {
    await built.dispose();
    throw error;
  }
}

/** Layers of a manifest, by their titles. */
function sizesOf(existing: FetchedManifest | undefined): ReadonlyMap<string, number> {
  try {
    const manifest = existing && parseManifest(existing.bytes, existing.descriptor.mediaType);
    const layers: readonly Descriptor[] = manifest?.kind === 'manifest' ? manifest.layers : [];
    return new Map(
      layers.flatMap(({ annotations, size }) => {
        const title = annotations?.[Annotation.title];
        return title === undefined ? [] : [[title, size] as const];
      }),
    );
  } catch {
    return new Map();
  }
}

/** What has the name of a layer, and of a plain file the size, is looked at before it is sent. */
function mayBeThere({ title, kind, size }: PlanLayer, sizes: ReadonlyMap<string, number>): boolean {
  const there = sizes.get(title);
  return there !== undefined && (kind === 'folder' || there === size);
}

/** Parts of a layer that are too small to tell how well the rest packs. */
const fewBytes = 0.02;

/** The size a layer will have: that of its files first, then as the part that was read has packed. */
class Guess {
  readonly #size: number;
  readonly #tell: (bytes: number) => void;
  #told = 0;
  #read = 0;
  #sent = 0;

  constructor(size: number, { onGuess }: CopyEvents) {
    this.#size = size;
    this.#tell = (bytes) => onGuess?.(bytes);
    this.#be(size);
  }

  /** The layer is read from its beginning. */
  begin(): (bytes: number) => void {
    this.#read = 0;
    return (bytes) => {
      this.#read += bytes;
    };
  }

  sent(bytes: number): void {
    this.#sent += bytes;
    if (this.#read > fewBytes * this.#size) {
      this.#be(Math.max(this.#sent, Math.round((this.#size * this.#sent) / this.#read)));
    }
  }

  end(): void {
    this.#be(0);
  }

  #be(size: number): void {
    this.#tell(size - this.#told);
    this.#told = size;
  }
}

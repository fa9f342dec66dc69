import { bodyOf } from '../base/bytes.ts';
import { Limiter } from '../base/limiter.ts';
import { Annotation, type Annotations, type Descriptor } from '../oci/descriptor.ts';
import { digestOf, Digester, type Digest } from '../oci/digest.ts';
import { isOciError, OciError } from '../oci/errors.ts';
import { encodeManifest } from '../oci/goJson.ts';
import { MediaType } from '../oci/mediaTypes.ts';
import type { Body, CopyEvents, Op, Store } from '../oci/store.ts';
import type { PlanEntry } from './plan.ts';
import { fileOf } from './tarStream.ts';

export interface AttachedFile {
  /** A file of a plan; its title is the name it gets in the artifact. */
  readonly entry: PlanEntry;
  readonly title: string;
  /** Of its layer; by default what oras gives a file of no type. */
  readonly mediaType?: string | undefined;
}

export interface AttachmentOptions extends Op {
  readonly subject: Descriptor;
  readonly artifactType: string;
  readonly files: readonly AttachedFile[];
  readonly annotations: Annotations;
  /** RFC 3339; an annotation of that name comes before it. */
  readonly created: string;
  /** Bytes read since the last call. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/** A referrer that is ready to be sent; nothing was sent yet. */
export interface Attachment {
  readonly root: Descriptor;
  readonly manifest: Uint8Array;
  readonly layers: readonly Descriptor[];
  readonly blobs: readonly AttachedBlob[];
}

interface AttachedBlob {
  readonly descriptor: Descriptor;
  readonly body: (signal?: AbortSignal) => Body;
}

const emptyConfig = Buffer.from('{}');

/** Below, sending a blob takes no longer than asking whether it is there. */
const smallBlob = 1024 * 1024;

/** Blobs under way at once. */
const width = 5;

/** What `oras attach` would make of the same files, byte for byte. @throws {OciError} `file-missing`, `file-changed` */
export async function buildAttachment(options: AttachmentOptions): Promise<Attachment> {
  const { subject, artifactType, files, annotations, created, signal, onBytes } = options;
  const empty: Descriptor = {
    mediaType: MediaType.empty,
    digest: digestOf(emptyConfig),
    size: emptyConfig.byteLength,
  };
  const blobs = new Map<Digest, AttachedBlob>([
    [empty.digest, { descriptor: empty, body: () => bodyOf(emptyConfig) }],
  ]);
  const layers: Descriptor[] = [];
  for (const { entry, title, mediaType = MediaType.layerTar } of files) {
    const digester = new Digester();
    for await (const chunk of fileOf(entry, signal)) {
      digester.update(chunk);
      onBytes?.(chunk.byteLength);
    }
    const descriptor = { mediaType, digest: digester.digest(), size: digester.size };
    blobs.set(descriptor.digest, { descriptor, body: (ending) => () => fileOf(entry, ending) });
    layers.push({ ...descriptor, annotations: { [Annotation.title]: title } });
  }
  const manifest = encodeManifest({
    schemaVersion: 2,
    mediaType: MediaType.manifest,
    artifactType,
    config: { ...empty, data: emptyConfig.toString('base64') },
    layers,
    subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.size },
    annotations: { [Annotation.created]: created, ...annotations },
  });
  const root = { mediaType: MediaType.manifest, digest: digestOf(manifest), size: manifest.byteLength };
  return { root, manifest, layers, blobs: [...blobs.values()] };
}

/**
 * Sends the blobs, then the manifest, which the store enters among the referrers of its subject. Small blobs are sent without
 * asking first: that costs as much as asking.
 * @throws {OciError} `file-changed` when a file is another than the one that was looked at
 */
export async function pushAttachment(
  store: Store,
  { root, manifest, blobs }: Attachment,
  op: Op & CopyEvents = {},
): Promise<void> {
  const limiter = new Limiter(width);
  const failed = new AbortController();
  const signal = op.signal ? AbortSignal.any([op.signal, failed.signal]) : failed.signal;
  const send = async ({ descriptor, body }: AttachedBlob): Promise<void> => {
    if (descriptor.size > smallBlob && (await store.has(descriptor, { signal }))) {
      op.onDone?.(descriptor, 'present');
      return;
    }
    await store.push(descriptor, body(signal), { signal, onBytes: op.onBytes });
    op.onDone?.(descriptor, 'copied');
  };
  for (const descriptor of [...blobs.map((blob) => blob.descriptor), root]) {
    op.onPlan?.(descriptor);
  }
  const sent = blobs.map((blob) =>
    limiter
      .run(() => send(blob), signal)
      .catch((error: unknown) => {
        failed.abort(error);
        throw changedFile(error);
      }),
  );
  await Promise.allSettled(sent);
  await Promise.all(sent);
  await store.push(root, bodyOf(manifest), { signal: op.signal, onBytes: op.onBytes });
  op.onDone?.(root, 'copied');
}

/** What was hashed a moment ago is not what is on the disk now. */
function changedFile(error: unknown): unknown {
  return isOciError(error, 'digest-mismatch', 'size-mismatch')
    ? new OciError('file-changed', error.message, { cause: error })
    : error;
}

import { bodyOf } from '../base/bytes.ts';
import { readVerified } from '../oci/content.ts';
import { copy } from '../oci/copy.ts';
import type { Annotations, Descriptor, Platform } from '../oci/descriptor.ts';
import { digestOf } from '../oci/digest.ts';
import { OciError } from '../oci/errors.ts';
import { encodeManifest } from '../oci/goJson.ts';
import { maxManifestSize, parseJson, parseManifest } from '../oci/manifest.ts';
import { MediaType } from '../oci/mediaTypes.ts';
import type { Op, ReadStore, Store } from '../oci/store.ts';

/** A manifest that is to stand in an index, and where it is. */
export interface IndexMember {
  readonly store: ReadStore;
  readonly repository: string;
  readonly descriptor: Descriptor;
}

const configTypes: ReadonlySet<string> = new Set([MediaType.imageConfig, MediaType.dockerConfig]);

/** Largest config that is read for a platform. */
const maxConfig = 4 * 1024 * 1024;

/** Most manifests of one index that is made. */
const maxMembers = 500;

/**
 * What a reference stands for in an index: the manifest with the platform its config tells, or of an index the manifests in it.
 * @throws {OciError} as `ReadStore.manifest`
 */
export async function membersOf(
  store: ReadStore,
  repository: string,
  ref: string,
  op: Op,
): Promise<readonly IndexMember[]> {
  const { descriptor, bytes } = await store.manifest(ref, op);
  const manifest = parseManifest(bytes, descriptor.mediaType);
  if (manifest.kind === 'index') {
    return manifest.manifests.map((child) => ({ store, repository, descriptor: child }));
  }
  const { mediaType, digest, size } = descriptor;
  const { artifactType, config } = manifest;
  const isImage = config && configTypes.has(config.mediaType);
  const platform = isImage ? await platformIn(store, config, op) : undefined;
  const type = artifactType ?? (isImage ? undefined : config?.mediaType);
  const member: Descriptor = {
    mediaType,
    digest,
    size,
    ...(platform ? { platform } : {}),
    ...(type === undefined ? {} : { artifactType: type }),
  };
  return [{ store, repository, descriptor: member }];
}

/** Undefined where the config says none that can be read. */
async function platformIn(store: ReadStore, config: Descriptor, op: Op): Promise<Platform | undefined> {
  const json = parseJson(await readVerified(store.fetch(config, op), config, maxConfig));
  const { os, architecture, variant, 'os.version': version, 'os.features': features } = json;
  if (typeof os !== 'string' || typeof architecture !== 'string' || os === '' || architecture === '') {
    return undefined;
  }
  return {
    architecture,
    os,
    ...(typeof version === 'string' && version !== '' ? { 'os.version': version } : {}),
    ...(Array.isArray(features) && features.length > 0 && features.every((each) => typeof each === 'string')
      ? { 'os.features': features }
      : {}),
    ...(typeof variant === 'string' && variant !== '' ? { variant } : {}),
  };
}

/** `linux/arm64/v8:1.2`, as people write it; undefined for anything else. */
export function parsePlatform(text: string): Platform | undefined {
  const [, os, architecture, variant, version] =
    /^([a-z0-9_]+)\/([a-z0-9_]+)(?:\/([a-z0-9_.]+))?(?::([\w.-]+))?$/i.exec(text.trim()) ?? [];
  return os === undefined || architecture === undefined
    ? undefined
    : {
        architecture,
        os,
        ...(version === undefined ? {} : { 'os.version': version }),
        ...(variant === undefined ? {} : { variant }),
      };
}

export function withPlatform(member: IndexMember, platform: Platform | undefined): IndexMember {
  const rest = Object.entries(member.descriptor).filter(([key]) => key !== 'platform');
  const descriptor = Object.fromEntries(rest) as unknown as Descriptor;
  return { ...member, descriptor: { ...descriptor, ...(platform ? { platform } : {}) } };
}

/**
 * Pushes an index of these manifests, each once; those of other repositories are copied first, or mounted where they can be.
 * The tag comes last, with the index.
 * @throws {OciError} `too-large`
 */
export async function pushIndex(
  target: Store,
  repository: string,
  members: readonly IndexMember[],
  options: Op & {
    readonly tag?: string | undefined;
    readonly annotations: Annotations;
    readonly onBytes?: ((bytes: number) => void) | undefined;
  },
): Promise<Descriptor> {
  const { signal, tag, annotations, onBytes } = options;
  if (members.length > maxMembers) {
    throw new OciError('too-large', `An index of ${members.length} manifests`);
  }
  for (const member of members) {
    if (member.repository !== repository) {
      await copy(member.store, member.descriptor.digest, target, undefined, {
        signal,
        ...(onBytes ? { onBytes } : {}),
      });
    }
  }
  const bytes = encodeManifest({
    schemaVersion: 2,
    mediaType: MediaType.index,
    manifests: members.map(({ descriptor }) => descriptor),
    annotations,
  });
  if (bytes.byteLength > maxManifestSize) {
    throw new OciError('too-large', `An index of ${bytes.byteLength} bytes`);
  }
  const descriptor = { mediaType: MediaType.index, digest: digestOf(bytes), size: bytes.byteLength };
  await target.push(descriptor, bodyOf(bytes), { signal, tag });
  return descriptor;
}

import { smallContent } from '../base/lanes.ts';
import { copy, type CopyOptions } from '../oci/copy.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { isOciError } from '../oci/errors.ts';
import { parseManifest, successors } from '../oci/manifest.ts';
import type { CopyEvents, FetchedManifest, Op, Store } from '../oci/store.ts';
import type { BuiltArtifact } from './artifact.ts';

export interface SendOptions extends Op, CopyEvents, Pick<CopyOptions, 'share' | 'beforeTag'> {
  /** What the tag points to before. */
  readonly existing: FetchedManifest | undefined;
  /** True for a blob that may be in the target, as when it was sent there before: it is asked for. */
  readonly wasSent: (digest: Digest) => boolean;
  /** Layers that are in the target by now, and were told of. */
  readonly done?: ReadonlySet<Digest>;
}

/**
 * Sends what was built, with as few requests as can be: none at all when the tag points to it already, none for the blobs that
 * what the tag points to has too, and no question about small ones that were never sent there.
 */
export async function sendArtifact(
  { store, root, layers }: BuiltArtifact,
  target: Store,
  tag: string,
  { existing, wasSent, done = new Set(), ...wanted }: SendOptions,
): Promise<void> {
  const options: typeof wanted = {
    ...wanted,
    onPlan: (descriptor) => {
      if (!done.has(descriptor.digest)) {
        wanted.onPlan?.(descriptor);
      }
    },
    onDone: (descriptor, how) => {
      if (!done.has(descriptor.digest)) {
        wanted.onDone?.(descriptor, how);
      }
    },
  };
  // What was so when it was read may be otherwise by now.
  if (existing?.descriptor.digest === root.digest && (await isStill(root.digest, options))) {
    for (const each of [...layers, root]) {
      options.onPlan?.(each);
      options.onDone?.(each, 'present');
    }
    return;
  }
  const held = heldBy(existing);
  // Two requests send it sooner than one tells that it need not be sent.
  const small = ({ digest, size }: Descriptor): boolean => size <= smallContent && !wasSent(digest);
  try {
    await copy(store, root.digest, target, tag, {
      ...options,
      held: ({ digest }) => held.has(digest) || done.has(digest),
      unasked: small,
    });
  } catch (error) {
    // A registry whose storage was cleared shows a manifest, and has lost what is below.
    if (held.size === 0 || !isOciError(error, 'not-found', 'request-refused', 'manifest-invalid')) {
      throw error;
    }
    await copy(store, root.digest, target, tag, options);
  }
}

async function isStill(
  digest: Digest,
  { beforeTag, signal }: Pick<SendOptions, 'beforeTag' | 'signal'>,
): Promise<boolean> {
  return beforeTag === undefined || (await beforeTag({ signal }, digest)) === digest;
}

/** Digests of what the manifest names. */
export function heldBy(existing: FetchedManifest | undefined): ReadonlySet<Digest> {
  try {
    const below = existing ? successors(parseManifest(existing.bytes, existing.descriptor.mediaType)) : [];
    return new Set(below.map(({ digest }) => digest));
  } catch {
    return new Set();
  }
}

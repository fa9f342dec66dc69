import { l10n } from 'vscode';
import { LruMap } from '../base/lru.ts';
import type { withProgress } from '../host/progress.ts';
import type { Services } from '../host/services.ts';
import { withTransfer, type TransferFacts } from '../host/withTransfer.ts';
import type { Digest } from '../oci/digest.ts';
import { isOciError, OciError } from '../oci/errors.ts';
import type { FetchedManifest, Op, ReadStore, Store } from '../oci/store.ts';
import type { ArtifactOptions, BuiltArtifact } from '../packaging/artifact.ts';
import type { PushPlan } from '../packaging/plan.ts';
import { sendArtifact } from '../packaging/sendArtifact.ts';
import { streamArtifact } from '../packaging/streamArtifact.ts';
import { watchTag } from './tagWatch.ts';
import { shortText, shownText, targetText, type RepositoryTarget } from './targets.ts';

/** Blobs this window has sent, by place, repository and digest: what may be there is asked for before it is sent again. */
const sent = new LruMap<string, true>(10_000);

export interface Sent {
  readonly built: BuiltArtifact;
  /** How many layers the target had already. */
  readonly present: number;
  readonly bytesSent: number;
}

/** How a push is shown while it is sent, and who says that a tag may move. */
export interface SendUi {
  readonly withProgress: typeof withProgress;
  /** True: a person was asked before, who takes any time to answer. */
  readonly asks: boolean;
  /** The tag points elsewhere by now than it did. @throws where it is not to be overwritten */
  readonly agreeToMove: (target: string, tag: string, now: Digest | undefined) => Promise<void>;
}

/**
 * A push as a transfer of this window.
 * @param what that is packed already, or is packed while it is sent
 * @param existing what the tag points to before
 */
export async function sendPush(
  what: BuiltArtifact | { readonly plan: PushPlan; readonly options: ArtifactOptions },
  existing: FetchedManifest | undefined,
  target: RepositoryTarget & { readonly tag: string },
  store: Store,
  { withProgress: show, asks, agreeToMove, retry }: SendUi & Pick<TransferFacts, 'retry'>,
  services: Services,
): Promise<Sent> {
  const keyOf = (digest: Digest): string => `${target.place.id} ${target.repository} ${digest}`;
  const shown = shownText(target, target.tag);
  const beforeTag = watchTag({
    store,
    tag: target.tag,
    seen: existing?.descriptor.digest,
    wasAsked: asks,
    agreeToMove: (now) => agreeToMove(shown, target.tag, now),
  });
  const present = new Set<Digest>();
  let bytesSent = 0;
  const built = await withTransfer(
    {
      kind: 'push',
      what: shown,
      label: shortText(target, target.tag),
      where: targetText(target, target.tag),
      retry,
    },
    (move) =>
      move(l10n.t('Pushing to {0}', shown), async ({ signal, events, share }) => {
        const options = {
          ...events,
          share,
          signal,
          existing,
          beforeTag,
          wasSent: (digest: Digest) => sent.get(keyOf(digest)) === true,
          onDone: ((descriptor, how) => {
            sent.set(keyOf(descriptor.digest), true);
            if (how !== 'copied') {
              present.add(descriptor.digest);
            }
            events.onDone(descriptor, how);
          }) satisfies typeof events.onDone,
          onBytes: (bytes: number) => {
            bytesSent += bytes;
            events.onBytes(bytes);
          },
        };
        try {
          if ('root' in what) {
            await sendArtifact(what, store, target.tag, options);
            return what;
          }
          return await streamArtifact(what.plan, { ...what.options, signal }, store, target.tag, options);
        } catch (error) {
          // What was hashed a moment ago is not what is on the disk now.
          throw isOciError(error, 'digest-mismatch', 'size-mismatch')
            ? new OciError('file-changed', error.message, { cause: error })
            : error;
        }
      }),
    services.signal,
    undefined,
    show,
  );
  return {
    built,
    present: built.layers.filter(({ digest }) => present.has(digest)).length,
    bytesSent,
  };
}

/** What a tag points to, if there is one; what it holds need not be sent. */
export async function findManifest(
  store: ReadStore,
  tag: string,
  op: Op,
): Promise<FetchedManifest | undefined> {
  try {
    return await store.manifest(tag, op);
  } catch (error) {
    if (isOciError(error, 'not-found')) {
      return undefined;
    }
    throw error;
  }
}

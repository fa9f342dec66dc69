import { l10n, window } from 'vscode';
import { cancelled } from '../host/cancelled.ts';
import { findTag } from '../oci/attached.ts';
import type { Digest } from '../oci/digest.ts';
import { OciError } from '../oci/errors.ts';
import type { Op, ReadStore } from '../oci/store.ts';

export interface WatchedTag {
  readonly store: ReadStore;
  readonly tag: string;
  /** Where it pointed when a person was told; undefined: it was not there. */
  readonly seen: Digest | undefined;
  /** True: a person was asked meanwhile, which takes any time. */
  readonly wasAsked: boolean;
  /** It points elsewhere by now. @throws where it is not to be overwritten */
  readonly agreeToMove: (now: Digest | undefined) => Promise<void>;
}

/**
 * What to ask right before a tag is overwritten: looks where it points, until whoever pushes agreed to just that. A tag that
 * was not there, or points to the same already, when it was read a moment ago costs no request.
 */
export function watchTag({
  store,
  tag,
  seen,
  wasAsked,
  agreeToMove,
}: WatchedTag): (op: Op, to: Digest) => Promise<Digest | undefined> {
  let agreed = seen;
  return async (op, to) => {
    if (!wasAsked && (seen === undefined || seen === to)) {
      return seen;
    }
    for (;;) {
      const now = (await findTag(store, tag, op))?.digest;
      if (now === agreed || now === to) {
        return now;
      }
      await agreeToMove(now);
      agreed = now;
    }
  };
}

/** Of a push with dialogs. */
export async function askToMove(target: string, tag: string, now: Digest | undefined): Promise<void> {
  const go = l10n.t('Push');
  const chosen = await window.showWarningMessage(
    l10n.t('{0} was moved meanwhile. Push all the same?', target),
    {
      modal: true,
      detail:
        now === undefined
          ? l10n.t('{0} does not exist any more. It will point to this artifact.', tag)
          : l10n.t('{0} exists. It will point to this artifact, and no more to {1}.', tag, now),
    },
    go,
  );
  if (chosen !== go) {
    throw cancelled();
  }
}

/** Of a push that nobody sits before. */
export function refuseToMove(target: string, now: Digest | undefined): Promise<never> {
  const message =
    now === undefined
      ? l10n.t('{0} was removed meanwhile', target)
      : l10n.t('{0} was moved meanwhile, to {1}', target, now);
  return Promise.reject(new OciError('tag-exists', message));
}

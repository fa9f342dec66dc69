import { commands, env, l10n, window } from 'vscode';
import { Limiter } from '../base/limiter.ts';
import { Command } from '../contributions.ts';
import type { RevealTarget } from '../host/events.ts';
import { errorText } from '../host/errorText.ts';
import { describeError, log } from '../host/log.ts';
import { plainText } from '../host/plainText.ts';
import type { Services } from '../host/services.ts';
import { withTransfer, type TransferFacts } from '../host/withTransfer.ts';
import { copy, type CopyOptions } from '../oci/copy.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { shortDigest } from '../oci/digest.ts';
import { isAbort } from '../oci/errors.ts';
import type { ReadStore, Store } from '../oci/store.ts';

/** One artifact on its way. */
export interface CopyJob {
  /** What people read of it. */
  readonly name: string;
  readonly src: ReadStore;
  readonly ref: string;
  readonly dst: Store;
  /** Undefined: by digest only. */
  readonly tag: string | undefined;
  readonly options?: Pick<CopyOptions, 'found' | 'tagged' | 'platforms' | 'referrers'>;
}

export interface CopyOutcome {
  readonly job: CopyJob;
  readonly root?: Descriptor;
  /** Why it failed. */
  readonly error?: unknown;
}

/** Artifacts under way at once; each has several transfers of its own. */
const width = 3;

/** Most names that a message lists. */
const maxListed = 3;

export interface CopyRun {
  /** Of the notification. */
  readonly title: string;
  readonly jobs: readonly CopyJob[];
  /** What the list of transfers says; where it goes stays the same when a part of it is done again. */
  readonly transfer: Omit<TransferFacts, 'retry'>;
  /** Does again what did not come to its end. */
  readonly again: (jobs: readonly CopyJob[]) => Promise<void>;
}

/** Copies some at once behind one notification, with bytes, rate and *Cancel*; what fails does not stop the others. */
export function runCopies(
  { title, jobs, transfer, again }: CopyRun,
  { signal: outer }: Pick<Services, 'signal'>,
): Promise<readonly CopyOutcome[]> {
  const copied = new Set<CopyJob>();
  const retry = (): Promise<void> => again(jobs.filter((job) => !copied.has(job)));
  return withTransfer(
    { ...transfer, retry },
    (move) => {
      let done = 0;
      return move(
        title,
        async ({ signal, events, share }) => {
          const limiter = new Limiter(width);
          const run = async (job: CopyJob): Promise<CopyOutcome> => {
            try {
              const { src, ref, dst, tag, options } = job;
              const root = await copy(src, ref, dst, tag, {
                ...options,
                ...events,
                share,
                signal,
                mayBeThere: true,
              });
              copied.add(job);
              return { job, root };
            } catch (error) {
              if (isAbort(error)) {
                throw error;
              }
              log().error(`${title}, ${job.name}: ${describeError(error)}`);
              return { job, error };
            } finally {
              done++;
            }
          };
          const results = await Promise.allSettled(jobs.map((job) => limiter.run(() => run(job), signal)));
          signal.throwIfAborted();
          return results.map((result) => {
            if (result.status === 'rejected') {
              throw result.reason;
            }
            return result.value;
          });
        },
        () => (jobs.length > 1 ? l10n.t('{0} of {1} done', done, jobs.length) : ''),
      );
    },
    outer,
    (outcomes) => outcomes.find(({ error }) => error !== undefined)?.error,
  );
}

/** What a message at the end needs. */
export interface Told {
  /** When everything went well, without a full stop. */
  readonly done: string;
  readonly target: RevealTarget;
  /** What *Copy Reference* copies. */
  readonly reference: string;
}

/**
 * Says how it ended, and runs again what failed as often as is wished.
 * @throws why a single one failed, so that its remedies are offered
 */
export async function tellOutcome(
  outcomes: readonly CopyOutcome[],
  told: Told,
  again: (jobs: readonly CopyJob[]) => Promise<void>,
): Promise<void> {
  const failed = outcomes.filter(({ error }) => error !== undefined);
  if (failed.length === 0) {
    await tellDone(told);
    return;
  }
  const [first, ...others] = outcomes;
  if (first && others.length === 0) {
    throw first.error;
  }
  const retry = l10n.t('Retry Failed');
  const showLog = l10n.t('Show Log');
  const names = failed.slice(0, maxListed).map(({ job }) => job.name);
  const more = failed.length - names.length;
  const chosen = await window.showErrorMessage(
    l10n.t(
      'Copied {0} of {1}. Failed: {2}. {3}',
      outcomes.length - failed.length,
      outcomes.length,
      plainText([...names, ...(more > 0 ? [l10n.t('{0} more', more)] : [])].join(', ')),
      errorText(failed[0]?.error).message,
    ),
    retry,
    showLog,
  );
  if (chosen === retry) {
    await again(failed.map(({ job }) => job));
  } else if (chosen === showLog) {
    await commands.executeCommand(Command.showLog);
  }
}

async function tellDone({ done, target, reference }: Told): Promise<void> {
  const show = l10n.t('Show in Tree');
  const copyIt = l10n.t('Copy Reference');
  const chosen = await window.showInformationMessage(done, show, copyIt);
  if (chosen === show) {
    await commands.executeCommand(Command.showInTree, target);
  } else if (chosen === copyIt) {
    await env.clipboard.writeText(reference);
  }
}

/** `…, digest 1a2b3c`, of one that has a name. */
export function withDigest(text: string, root: Descriptor | undefined): string {
  return root ? l10n.t('{0}, digest {1}', text, shortDigest(root.digest)) : text;
}

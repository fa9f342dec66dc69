import { commands, l10n, window, type Disposable } from 'vscode';
import { identify } from '../artifacts/identify.ts';
import type { Location } from '../browse/location.ts';
import { Command } from '../contributions.ts';
import { errorText } from '../host/errorText.ts';
import { toUri } from '../host/ociUri.ts';
import { plainText } from '../host/plainText.ts';
import { withProgress } from '../host/progress.ts';
import { registerCommand } from '../host/registerCommand.ts';
import type { Services } from '../host/services.ts';
import { shortDigest } from '../oci/digest.ts';
import { isAbort, isOciError, OciError } from '../oci/errors.ts';
import { parseManifest } from '../oci/manifest.ts';
import { isIndexType, manifestForms } from '../oci/mediaTypes.ts';
import { canNegotiate, type FetchedManifest, type Negotiator, type ReadStore } from '../oci/store.ts';
import { pickOne, type Choice } from './ask.ts';
import { askRef } from './askTarget.ts';
import { isRefNode, nodeOf, refTarget, shownText, type RefTarget } from './targets.ts';

/** What one client is given: a manifest, or the reason why not. */
interface Answer {
  readonly form: (typeof manifestForms)[number];
  readonly got: FetchedManifest | OciError;
}

/** *Open As…*: what clients of different ages get for a tag; a registry may convert it for those that know less. */
export function registerOpenAs(services: Services): Disposable {
  return registerCommand(Command.openAs, async (...args) => {
    const title = l10n.t('Open As');
    const node = nodeOf(args, services);
    const target = isRefNode(node) ? refTarget(node) : await askRef(title, services);
    const { place, repository, ref } = target;
    const store = place.registry.repository(repository);
    if (!canNegotiate(store)) {
      throw new OciError('unsupported', 'what is on a disk is what it is, whatever is asked for', {
        url: place.name,
      });
    }
    const { own, answers } = await withProgress(
      l10n.t('Asking for each media type'),
      async ({ signal, report }) => ({
        own: await store.resolve(ref, { signal }),
        answers: await ask(store, ref, signal, report),
      }),
      services.signal,
    );
    const { form, got } = await pickOne({
      title: `${title}: ${shownText(target, ref)}`,
      placeholder: l10n.t('What a client gets that accepts only this'),
      choices: answers.map((answer) => choiceOf(answer, own.digest, services)),
      active: ({ value: { got: given } }) =>
        !(given instanceof OciError) && given.descriptor.digest === own.digest,
    });
    if (got instanceof OciError) {
      if (!isNoSuchForm(got)) {
        throw got;
      }
      const said = noSuchForm(form.name, shownText(target, ref));
      void window.showInformationMessage([said, ...detailOf(got)].join(' '));
      return;
    }
    services.manifests.set(got);
    const uri = toUri(await locationOf(target, store, form.mediaType, got, services.signal));
    await commands.executeCommand(Command.openDescriptor, uri.toString());
  });
}

/** One after the other, each with an `Accept` of its own. @throws {OciError} when none is answered, as for who may not ask */
async function ask(
  store: Negotiator,
  ref: string,
  signal: AbortSignal,
  report: (message: string, part: number) => void,
): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  for (const [index, form] of manifestForms.entries()) {
    report(form.name, index / manifestForms.length);
    const got = await store.manifestAs(ref, form.mediaType, { signal }).catch((error: unknown) => {
      if (isAbort(error) || signal.aborted || !(error instanceof OciError)) {
        throw error;
      }
      return error;
    });
    answers.push({ form, got });
  }
  const faults = answers.flatMap(({ got }) => (got instanceof OciError && !isNoSuchForm(got) ? [got] : []));
  const [first] = faults;
  if (first && faults.length === answers.length) {
    throw first;
  }
  return answers;
}

/**
 * What registries answer to who accepts nothing that they have of a tag: 404 as most, 406 as HTTP says, or 400 as distribution 3.
 * The tag was found a moment before, so it is no name that is wrong, and nothing to sign in for.
 */
function isNoSuchForm({ facts: { status } }: OciError): boolean {
  return status === 404 || status === 406 || status === 400;
}

function noSuchForm(form: string, shown: string): string {
  return l10n.t('The registry has no {0} of {1}.', form, plainText(shown, 200));
}

/** The registry's own words. */
function detailOf({ facts: { detail } }: OciError): readonly string[] {
  return detail === undefined ? [] : [plainText(detail, 200)];
}

function choiceOf(answer: Answer, own: string, { types }: Services): Choice<Answer> {
  const { form, got } = answer;
  if (got instanceof OciError) {
    return {
      label: `$(circle-slash) ${form.name}`,
      description: l10n.t('nothing'),
      detail: isNoSuchForm(got)
        ? [l10n.t('the registry has no such form of this tag'), ...detailOf(got)].join(' · ')
        : errorText(got).message,
      value: answer,
    };
  }
  const { descriptor, bytes } = got;
  const { mediaType, digest } = descriptor;
  const type = identify(parseManifest(bytes, mediaType), descriptor, {}, types.table());
  const how =
    digest === own
      ? l10n.t('what the tag names')
      : mediaType === form.mediaType
        ? l10n.t('other content, as asked for')
        : l10n.t('other content, of another type');
  return {
    label: `$(json) ${form.name}`,
    description: [plainText(type.name), shortDigest(digest), how].join(' · '),
    detail: plainText(`${mediaType} · ${digest}`, 300),
    value: answer,
  };
}

/** By its digest where the registry has it under that; a conversion is made anew each time, so it is asked for as it was. */
async function locationOf(
  { place, repository, ref }: RefTarget,
  store: ReadStore,
  accept: string,
  { descriptor }: FetchedManifest,
  signal: AbortSignal,
): Promise<Location> {
  const { digest, mediaType, size } = descriptor;
  const kind = isIndexType(mediaType) ? 'index' : 'manifest';
  const common = { place: place.id, repository, kind, digest, mediaType, form: 'original' } as const;
  const isKept = await store.resolve(digest, { signal }).then(
    () => true,
    (error: unknown) => {
      if (isOciError(error, 'not-found')) {
        return false;
      }
      throw error;
    },
  );
  return isKept || ref === digest ? { ...common, size } : { ...common, tag: ref, accept };
}

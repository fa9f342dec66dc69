import { l10n, window, type Disposable } from 'vscode';
import { humanSize } from '../artifacts/facts.ts';
import { Limiter } from '../base/limiter.ts';
import { isAttestation } from '../browse/folding.ts';
import type { Node } from '../browse/node.ts';
import { Command } from '../contributions.ts';
import { cancelled } from '../host/cancelled.ts';
import { plainText } from '../host/plainText.ts';
import { withProgress } from '../host/progress.ts';
import { registerCommand } from '../host/registerCommand.ts';
import type { Services } from '../host/services.ts';
import { platformText, type Descriptor } from '../oci/descriptor.ts';
import { isDigest, shortDigest, type Digest } from '../oci/digest.ts';
import { parseManifest, successors, type AnyManifest } from '../oci/manifest.ts';
import { someOfIndex } from '../oci/someOfIndex.ts';
import type { FetchedManifest, Store } from '../oci/store.ts';
import { askMarked, back } from './ask.ts';
import { askCopyTarget, type CopyTarget } from './askCopyTarget.ts';
import { askRef } from './askTarget.ts';
import { copyAndTell } from './copyAndTell.ts';
import type { CopyJob } from './copying.ts';
import { find } from './tag.ts';
import {
  isNode,
  isRefNode,
  nodesOf,
  refTarget,
  shortText,
  shownText,
  targetText,
  type RefTarget,
} from './targets.ts';

/** Most names of one kind that the dialog lists. */
const maxListed = 12;

/** Requests at once before anything is copied. */
const width = 6;

/**
 * Of the row that was clicked, all that are selected, or what is asked for. A third argument is the row they were dropped on,
 * which says where to.
 */
export function registerCopyTo(services: Services): Disposable {
  return registerCommand(Command.copyTo, async (...args) => {
    const nodes = nodesOf(args, services).filter(isRefNode);
    const sources = nodes.length > 0 ? nodes.map(refTarget) : [await askRef(l10n.t('Copy From'), services)];
    const over = isNode(args[2]) ? args[2] : undefined;
    await copyTo(sources, over, services);
  });
}

/** What is known of a source before it is copied. */
interface Looked {
  readonly source: RefTarget;
  readonly found: FetchedManifest;
  /** The name in the target; undefined: by digest only. */
  readonly tag: string | undefined;
  readonly existing: Descriptor | undefined;
}

async function copyTo(
  sources: readonly RefTarget[],
  over: Node | undefined,
  services: Services,
): Promise<void> {
  const [first, ...others] = sources;
  if (!first) {
    return;
  }
  const what =
    others.length === 0
      ? shownText(first, first.ref)
      : l10n.t('{0} items of {1}', sources.length, shownText(first));
  const title = l10n.t('Copy {0}', what);
  const target = await askTarget(title, sources, over, services);
  const dst = target.place.registry.repository(target.repository);
  const all = await look(title, sources, target, dst, services);
  const [one] = all;
  const platforms = others.length === 0 && one && !over ? await askPlatforms(title, one.found) : undefined;
  const referrers = await agree(what, all, target, platforms);
  const jobs = all.map(({ source, found, tag, existing }): CopyJob => ({
    name: shownText(source, source.ref),
    src: source.place.registry.repository(source.repository),
    ref: source.ref,
    dst,
    tag,
    options: { found, tagged: existing?.digest, referrers, platforms },
  }));
  const label = others.length === 0 ? shortText(first, first.ref) : what;
  await run({ what, label }, jobs, target, services);
}

/** Dropped on a repository, tags keep their names; else a single one may get another. */
async function askTarget(
  title: string,
  sources: readonly RefTarget[],
  over: Node | undefined,
  services: Services,
): Promise<CopyTarget> {
  const [first, ...others] = sources;
  const given =
    over && 'place' in over
      ? { place: over.place, ...('repository' in over ? { repository: over.repository } : {}) }
      : undefined;
  const isNamed = given !== undefined && 'repository' in given;
  const ref = first?.ref ?? '';
  return askCopyTarget(
    {
      title,
      suggestions: [...new Set(sources.map(({ repository }) => repository))],
      tag: others.length > 0 || isNamed ? undefined : isDigest(ref) ? '' : ref,
      given,
    },
    services,
  ).then((target) => (isNamed && others.length === 0 && !isDigest(ref) ? { ...target, tag: ref } : target));
}

/** Manifests of the sources and what the target has under their names, before anything is written. */
function look(
  title: string,
  sources: readonly RefTarget[],
  target: CopyTarget,
  dst: Store,
  { signal: outer }: Services,
): Promise<readonly Looked[]> {
  return withProgress(
    title,
    async ({ signal }) => {
      const limiter = new Limiter(width);
      return Promise.all(
        sources.map((source) =>
          limiter.run(async (): Promise<Looked> => {
            const store = source.place.registry.repository(source.repository);
            const own = isDigest(source.ref) ? undefined : source.ref;
            const tag = sources.length === 1 ? target.tag : own;
            const [found, existing] = await Promise.all([
              store.manifest(source.ref, { signal }),
              tag === undefined ? undefined : find(dst, tag, { signal }),
            ]);
            return { source, found, tag, existing };
          }, signal),
        ),
      );
    },
    outer,
  );
}

/** Of an index of several, which of them; undefined: it goes as it is. */
async function askPlatforms(
  title: string,
  { bytes, descriptor }: FetchedManifest,
): Promise<readonly Digest[] | undefined> {
  const manifest = parseManifest(bytes, descriptor.mediaType);
  const choices = manifest.kind === 'index' ? manifest.manifests.filter((each) => !isAttestation(each)) : [];
  const unique = [...new Map(choices.map((each) => [each.digest, each])).values()];
  if (unique.length < 2) {
    return undefined;
  }
  const chosen = await askMarked({
    title,
    placeholder: l10n.t('It is an index. All of it, or only some?'),
    choices: unique.map((each) => ({
      label: platformName(each),
      description: shortDigest(each.digest),
      value: each.digest,
    })),
  });
  return chosen === back || chosen.length === unique.length ? undefined : chosen;
}

function platformName({ platform, artifactType, mediaType }: Descriptor): string {
  return plainText(platform ? platformText(platform) : (artifactType ?? mediaType));
}

/** @returns whether what is attached comes along */
async function agree(
  what: string,
  all: readonly Looked[],
  target: CopyTarget,
  platforms: readonly Digest[] | undefined,
): Promise<boolean> {
  const roots = all.map(({ found }) => (platforms ? someOfIndex(found, platforms) : found));
  const replaced = all.filter(
    ({ existing }, at) => existing && existing.digest !== roots[at]?.descriptor.digest,
  );
  const present = all.filter(({ existing }) => existing).length - replaced.length;
  const [first] = all;
  const to = shownText(target, all.length === 1 ? first?.tag : undefined);
  const question =
    replaced.length === 0
      ? l10n.t('Copy {0} to {1}?', what, to)
      : all.length === 1
        ? l10n.t('Overwrite {0} with {1}?', to, what)
        : l10n.t('Copy {0} to {1} and overwrite {2} tags?', what, to, replaced.length);
  const detail = [
    ...(all.length === 1 && first
      ? sourceTexts(first, roots[0], platforms)
      : [
          l10n.t(
            'From {0}: {1}',
            shownText(first?.source ?? target),
            named(all.map(({ source }) => source.ref)),
          ),
        ]),
    l10n.t('To {0}', plainText(targetText(target, all.length === 1 ? first?.tag : undefined))),
    ...replaced
      .slice(0, maxListed)
      .map(({ tag, existing }) =>
        l10n.t(
          '{0} exists. It will point to this artifact, and no more to {1}.',
          tag ?? '',
          existing?.digest ?? '',
        ),
      ),
    ...(replaced.length > maxListed ? [l10n.t('… and {0} more', replaced.length - maxListed)] : []),
    ...(present > 0 ? [l10n.t('There already with the same content: {0}', present)] : []),
    l10n.t(
      'With referrers: signatures, SBOMs and whatever else is attached comes along, and what is attached to that.',
    ),
  ];
  const alone = l10n.t('Copy');
  const together = l10n.t('Copy with Referrers');
  const chosen = await window.showWarningMessage(
    question,
    { modal: true, detail: detail.join('\n') },
    alone,
    together,
  );
  if (chosen !== alone && chosen !== together) {
    throw cancelled();
  }
  return chosen === together;
}

function sourceTexts(
  { source, found }: Looked,
  root: FetchedManifest | undefined,
  platforms: readonly Digest[] | undefined,
): readonly string[] {
  const manifest = parseManifest(found.bytes, found.descriptor.mediaType);
  const from = l10n.t('From {0}', `${plainText(targetText(source, source.ref))} (${sizeText(manifest)})`);
  if (!root || root.descriptor.digest === found.descriptor.digest) {
    return [from, found.descriptor.digest];
  }
  const names =
    manifest.kind === 'index'
      ? manifest.manifests.filter(({ digest }) => platforms?.includes(digest) === true).map(platformName)
      : [];
  return [
    from,
    l10n.t('Only {0}', named(names)),
    l10n.t(
      'That is a new index: its digest is {0} and not {1}. What is signed or attached of the whole index is not about it.',
      root.descriptor.digest,
      found.descriptor.digest,
    ),
  ];
}

function sizeText(manifest: AnyManifest): string {
  return manifest.kind === 'index'
    ? l10n.t('index of {0}', manifest.manifests.length)
    : humanSize(successors(manifest).reduce((sum, { size }) => sum + size, 0));
}

function named(names: readonly string[]): string {
  const rest = names.length - maxListed;
  return [
    ...names.slice(0, maxListed).map((name) => plainText(name, 80)),
    ...(rest > 0 ? [l10n.t('{0} more', rest)] : []),
  ].join(', ');
}

async function run(
  shown: { readonly what: string; readonly label: string },
  jobs: readonly CopyJob[],
  target: CopyTarget,
  services: Services,
): Promise<void> {
  const { what } = shown;
  const [first, ...others] = jobs;
  const isOne = others.length === 0;
  const to = shownText(target, isOne ? first?.tag : undefined);
  const again = (failed: readonly CopyJob[]): Promise<void> => run(shown, failed, target, services);
  await copyAndTell(
    Command.copyTo,
    {
      title: l10n.t('Copying {0} to {1}', what, to),
      done: l10n.t('Copied {0} to {1}', what, to),
      jobs,
      transfer: { kind: 'copy', ...shown, where: shownText(target, target.tag) },
      again,
    },
    target,
    services,
  );
}

import { commands, Disposable, env, EventEmitter, l10n, Uri, version, window, workspace } from 'vscode';
import { LruMap } from '../base/lru.ts';
import { Command } from '../contributions.ts';
import { plainText } from '../host/plainText.ts';
import { withProgress } from '../host/progress.ts';
import { registerCommand } from '../host/registerCommand.ts';
import type { Services } from '../host/services.ts';
import { canonicalHost } from '../oci/reference.ts';
import { diagnose } from '../oci/remote/diagnosis/diagnose.ts';
import { diagnosisText, stepName } from './diagnosisText.ts';
import { askRemote } from './registries.ts';
import { factsOf, nodeOf, placeOf } from './targets.ts';
import { userAgent } from './trust.ts';

const scheme = 'oci-diagnosis';
const maxDocuments = 20;

interface Target {
  /** What accounts go by. */
  readonly id: string;
  readonly host: string;
  readonly repository?: string | undefined;
}

/** *Diagnose Connection…*: a read-only document about the way to a registry, ready to be pasted into a ticket. */
export function registerDiagnose(services: Services): Disposable {
  const texts = new LruMap<string, string>(maxDocuments);
  const changed = new EventEmitter<Uri>();
  return Disposable.from(
    changed,
    workspace.registerTextDocumentContentProvider(scheme, {
      onDidChange: changed.event,
      provideTextDocumentContent: (uri) =>
        texts.get(uri.toString()) ?? l10n.t('Run Diagnose Connection… again.'),
    }),
    registerCommand(Command.diagnose, async (...args) => {
      const target = await targetOf(args, services);
      const text = await look(target, services);
      const uri = Uri.from({
        scheme,
        path: `/${target.host.replaceAll(/[^\w.-]/g, '-')} › ${l10n.t('connection')}.md`,
        query: encodeURIComponent(`${target.id} ${target.repository ?? ''}`),
      });
      texts.set(uri.toString(), text);
      changed.fire(uri);
      await commands.executeCommand('vscode.open', uri, { preview: false });
      void offerCopy(target, text);
    }),
  );
}

async function offerCopy({ host }: Target, text: string): Promise<void> {
  const copy = l10n.t('Copy');
  const said = l10n.t(
    'What was found about {0} holds no secret and can be pasted into a ticket.',
    plainText(host),
  );
  if ((await window.showInformationMessage(said, copy)) === copy) {
    await env.clipboard.writeText(text);
  }
}

function look({ id, host, repository }: Target, services: Services): Promise<string> {
  const { network, accounts, context } = services;
  return withProgress(
    l10n.t('Diagnosing the connection to {0}…', plainText(host)),
    async ({ signal, report }) => {
      const diagnosis = await diagnose(
        {
          host,
          repository,
          scheme: network.scheme(host),
          dispatcher: network.dispatcher(host),
          credentials: accounts.source(id),
          userAgent,
          way: (target) => network.way(target),
          certificates: (name) => network.certificates(name),
          trusted: (name) => network.trusted(name),
          insecureBy: (name) => network.insecureBy(name),
        },
        signal,
        (step, index, count) => report(stepName(step), index / count),
      );
      const { version: own } = context.extension.packageJSON as { readonly version: string };
      return diagnosisText(diagnosis, {
        when: new Date().toISOString(),
        versions: [
          `OCI Explorer ${own}`,
          `${env.appName} ${version}`,
          `Node ${process.versions.node}`,
          `${process.platform} ${process.arch}`,
        ],
      });
    },
    services.signal,
  );
}

/** A registry, a repository or a failure of the tree, the host of a message, or what is chosen. */
async function targetOf(args: readonly unknown[], services: Services): Promise<Target> {
  const { host } = factsOf(args);
  const given = placeOf(args, services);
  if (host !== undefined && given === undefined) {
    // Of a registry that is not among ours, or not yet.
    return { id: canonicalHost(host), host: canonicalHost(host) };
  }
  const place = await askRemote(args, services, l10n.t('Diagnose Connection'));
  let node = place === given ? nodeOf(args, services) : undefined;
  while (node && !('repository' in node)) {
    node = node.parent;
  }
  return { id: place.id, host: place.host, repository: node?.repository };
}

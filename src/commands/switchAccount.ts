import { l10n, ThemeIcon, window, type QuickInputButton } from 'vscode';
import type { Place } from '../browse/place.ts';
import { plainText } from '../host/plainText.ts';
import { withProgress } from '../host/progress.ts';
import type { Services } from '../host/services.ts';
import { pickOne, type Choice } from './ask.ts';
import { refreshHost } from './refreshHost.ts';
import { signIn } from './signIn.ts';

type Answer =
  | { readonly kind: 'use'; readonly name: string | undefined }
  | { readonly kind: 'forget'; readonly name: string }
  | { readonly kind: 'add' };

/** One of the accounts that are remembered for a registry, what the machine has, or another one. */
export async function switchAccount(
  account: Pick<Place, 'id' | 'host' | 'name'>,
  services: Services,
): Promise<void> {
  const { id, host, name } = account;
  const { accounts } = services;
  const { machine } = await withProgress(
    l10n.t('Looking for accounts of {0}…', host),
    ({ signal }) => accounts.offers(host, { signal }),
    services.signal,
  );
  for (;;) {
    const answer = await ask(account, machine, services);
    if (answer.kind === 'add') {
      return signIn(account, services);
    }
    if (answer.kind === 'use') {
      await accounts.use(id, answer.name);
      refreshHost(host, services);
      const who = answer.name ?? machine;
      void window.showInformationMessage(
        who === undefined
          ? l10n.t('{0} is used without an account now.', plainText(name))
          : l10n.t('{0} is used as {1} now.', plainText(name), plainText(who)),
      );
      return;
    }
    await accounts.forget(id, answer.name);
    refreshHost(host, services);
  }
}

async function ask(
  { id, name }: Pick<Place, 'id' | 'name'>,
  machine: string | undefined,
  { accounts }: Services,
): Promise<Answer> {
  const { names, used } = await accounts.remembered(id);
  const forget: QuickInputButton = { iconPath: new ThemeIcon('trash'), tooltip: l10n.t('Forget') };
  const isUsed = (own: string | undefined): string => (own === used ? l10n.t('used now') : '');
  const choices: readonly Choice<Answer>[] = [
    ...names.map((own) => ({
      label: plainText(own),
      description: isUsed(own),
      detail: l10n.t('signed in here'),
      buttons: [forget],
      value: { kind: 'use', name: own } as const,
    })),
    {
      label: machine === undefined ? l10n.t('No Account') : l10n.t('What Is There'),
      description: isUsed(undefined),
      detail: machine === undefined ? l10n.t('what everybody may see') : plainText(machine),
      value: { kind: 'use', name: undefined },
    },
    { label: `$(add) ${l10n.t('Add Account…')}`, value: { kind: 'add' } },
  ];
  return pickOne({
    title: l10n.t('Switch Account of {0}', plainText(name)),
    placeholder: l10n.t('Account to use'),
    choices,
    active: ({ value }) => value.kind === 'use' && value.name === used,
    onButton: ({ value }) =>
      value.kind === 'use' && value.name !== undefined ? { kind: 'forget', name: value.name } : undefined,
  });
}

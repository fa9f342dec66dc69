import { createDispatcher } from '../../src/oci/remote/dispatcher.ts';
import { remoteRegistry } from '../../src/oci/remote/registry.ts';
import { startRegistry } from '../support/registries.ts';
import { storeContract, type Capabilities } from './storeContract.ts';

const registries = [
  ['distribution', {}],
  ['distribution2', { pages: false, untag: false }],
  ['olareg', {}],
] as const satisfies readonly (readonly [Parameters<typeof startRegistry>[0], Capabilities])[];

for (const [kind, can] of registries) {
  storeContract(
    kind,
    async () => {
      const running = await startRegistry(kind);
      const dispatcher = createDispatcher();
      const registry = remoteRegistry({
        host: running.host,
        scheme: 'http',
        dispatcher,
        credentials: () => Promise.resolve(undefined),
        userAgent: 'oci-explorer-test',
      });
      return {
        store: registry.repository('team/app'),
        other: registry.repository('team/other'),
        stop: async () => {
          await dispatcher.destroy();
          await running.stop();
        },
      };
    },
    can,
  );
}

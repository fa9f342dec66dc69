import { askApi, compareClocks } from './apiSteps.ts';
import { authorize, findAccount } from './accountSteps.ts';
import { askCatalog, askTags, tryReferrers, tryToDelete } from './contentSteps.ts';
import { connectTo, decideWay, lookUpName, readChain } from './networkSteps.ts';
import type { StepId } from './diagnosis.ts';
import type { StepRun } from './state.ts';

export interface Step {
  readonly id: StepId;
  /** What must not have failed before. */
  readonly needs: readonly StepId[];
  readonly run: StepRun;
}

/**
 * What is looked at, in this order. What was refused to the account is not asked for again: a wrong password that is sent
 * time and again locks people out.
 */
export const steps: readonly Step[] = [
  { id: 'name', needs: [], run: lookUpName },
  { id: 'proxy', needs: [], run: decideWay },
  { id: 'connection', needs: ['name', 'proxy'], run: connectTo },
  { id: 'tls', needs: ['connection'], run: readChain },
  { id: 'api', needs: ['tls'], run: askApi },
  { id: 'clock', needs: ['api'], run: compareClocks },
  { id: 'account', needs: [], run: findAccount },
  { id: 'authorization', needs: ['api'], run: authorize },
  { id: 'catalog', needs: ['authorization'], run: askCatalog },
  { id: 'tags', needs: ['authorization'], run: askTags },
  { id: 'referrers', needs: ['tags'], run: tryReferrers },
  { id: 'deletes', needs: ['authorization'], run: tryToDelete },
];

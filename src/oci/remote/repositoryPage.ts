import { isAbort, isOciError, OciError } from '../errors.ts';
import { isRepository } from '../reference.ts';
import type { Page, PageOp } from '../store.ts';
import type { Client } from './client.ts';
import { inNamespace } from './inNamespace.ts';
import { listPage, type Lists } from './lists.ts';
import { OwnList } from './ownList.ts';
import { quirksOf } from './quirks.ts';
import type { RepositoryApi } from './repositoryApis.ts';

export interface RepositorySources {
  readonly client: Client;
  readonly lists: Lists;
  readonly own: OwnList;
  /** As people write it. */
  readonly host: string;
  readonly namespace: string | undefined;
}

/** Names of a catalog asked for at a time, and requests behind one page, when most of it may be of other namespaces. */
const seekPage = 1000;
const maxSeeks = 20;

/**
 * One page of the repositories there are: of the catalog, or as the provider lists them where that is denied, and where only
 * those of a namespace are wanted.
 * @throws {OciError} `unsupported` where neither does
 */
export async function repositoryPage(sources: RepositorySources, op: PageOp): Promise<Page<string>> {
  const { client, own, host } = sources;
  const known = quirksOf(host, client.traits);
  if (OwnList.isToken(op.page)) {
    return (known?.api && (await own.page(known.api, op))) ?? { items: [] };
  }
  if (op.page !== undefined) {
    return catalogPage(sources, op);
  }
  if (known?.api && (await isFirst(known.api, known.noCatalog === true, sources, op))) {
    const page = await own.page(known.api, op);
    if (page) {
      return page;
    }
  }
  if (known?.noCatalog === true) {
    throw new OciError('unsupported', `${host} has no catalog`, { host });
  }
  return catalogOrOwn(sources, op);
}

/** Of a namespace, unless the API shows less than the catalog does to an account. */
async function isFirst(
  { account }: RepositoryApi,
  noCatalog: boolean,
  { own, namespace }: RepositorySources,
  op: PageOp,
): Promise<boolean> {
  return noCatalog || (namespace !== undefined && !(account === 'none' && (await own.hasAccount(op))));
}

async function catalogOrOwn(sources: RepositorySources, op: PageOp): Promise<Page<string>> {
  const { client, own, host, namespace } = sources;
  let refused: Error | undefined;
  let page: Page<string> | undefined;
  try {
    page = await catalogPage(sources, op);
    if (namespace === undefined || page.items.length > 0 || page.next !== undefined) {
      return page;
    }
  } catch (error) {
    if (
      !isOciError(
        error,
        'unauthorized',
        'denied',
        'unsupported',
        'not-found',
        'request-refused',
        'not-a-registry',
      )
    ) {
      throw error;
    }
    refused = error;
  }
  // What it is may be known only since it answered.
  const api = quirksOf(host, client.traits)?.api;
  try {
    page = (api && (await own.page(api, op))) ?? page;
  } catch (error) {
    if (isAbort(error)) {
      throw error;
    }
    // What the registry itself said is nearer to what there is to be done.
  }
  if (page) {
    return page;
  }
  throw refused ?? new OciError('unsupported', `${host} has no catalog`, { host });
}

async function catalogPage(
  { client, lists, namespace }: RepositorySources,
  op: PageOp,
): Promise<Page<string>> {
  const ask = (wanted: PageOp): Promise<Page<string>> =>
    listPage(client, lists, '/v2/_catalog', 'repositories', isRepository, ['registry:catalog:*'], wanted);
  if (namespace === undefined) {
    return ask(op);
  }
  let { page } = op;
  for (let count = 0; count < maxSeeks; count++) {
    const { items, next } = await ask({ ...op, page, limit: seekPage });
    const found = items.filter((name) => inNamespace(name, namespace));
    if (found.length > 0 || next === undefined) {
      return { items: found, ...(next === undefined ? {} : { next }) };
    }
    page = next;
  }
  return { items: [], ...(page === undefined ? {} : { next: page }) };
}

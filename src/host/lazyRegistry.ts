import type { PageOp, Registry, Repository } from '../oci/store.ts';
import { canDelete } from '../oci/store.ts';
import { OciError } from '../oci/errors.ts';

/** A registry that is opened by the first thing asked of it; when that fails, the next question tries again. */
export function lazyRegistry(kind: Registry['kind'], open: () => Promise<Registry>): Registry {
  let opening: Promise<Registry> | undefined;
  const opened = (): Promise<Registry> => {
    opening ??= open().catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    return opening;
  };
  return {
    kind,
    repository: (name) => lazyRepository(async () => (await opened()).repository(name)),
    repositories: async (op?: PageOp) => (await opened()).repositories(op),
  };
}

function lazyRepository(open: () => Promise<Repository>): Repository {
  const deleter = async () => {
    const store = await open();
    if (!canDelete(store)) {
      throw new OciError('unsupported', 'Nothing can be deleted here');
    }
    return store;
  };
  return {
    resolve: async (ref, op) => (await open()).resolve(ref, op),
    manifest: async (ref, op) => (await open()).manifest(ref, op),
    async *fetch(descriptor, op) {
      yield* (await open()).fetch(descriptor, op);
    },
    tags: async (op) => (await open()).tags(op),
    referrers: async (of, op) => (await open()).referrers(of, op),
    has: async (descriptor, op) => (await open()).has(descriptor, op),
    push: async (descriptor, body, op) => (await open()).push(descriptor, body, op),
    tag: async (descriptor, tag, op) => (await open()).tag(descriptor, tag, op),
    delete: async (descriptor, op) => (await deleter()).delete(descriptor, op),
    untag: async (tag, op) => (await deleter()).untag(tag, op),
  };
}

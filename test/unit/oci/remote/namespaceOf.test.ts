import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { namespaceOf } from '../../../../src/oci/remote/namespaceOf.ts';

describe('a namespace', () => {
  for (const [pasted, found] of [
    ['docker.io/library', 'docker.io library'],
    ['https://index.docker.io/library/', 'docker.io library'],
    ['docker.io/bitnami/', 'docker.io bitnami'],
    ['https://hub.docker.com/u/bitnami', 'docker.io bitnami'],
    ['https://hub.docker.com/orgs/acme/repositories', 'docker.io acme'],
    ['ghcr.io/My-Org', 'ghcr.io my-org'],
    ['https://ghcr.io/my-org/', 'ghcr.io my-org'],
    ['https://github.com/orgs/My-Org/packages?repo_name=x', 'ghcr.io my-org'],
    ['https://github.com/octocat?tab=packages', 'ghcr.io octocat'],
    ['quay.io/my-org', 'quay.io my-org'],
    ['https://quay.io/organization/my-org', 'quay.io my-org'],
    ['registry.gitlab.com/group', 'registry.gitlab.com group'],
    // A repository, or a registry whose repositories need no namespace.
    ['docker.io/alpine', undefined],
    ['docker.io/library/alpine', undefined],
    ['ghcr.io/my-org/app', undefined],
    ['ghcr.io/my-org:1', undefined],
    ['ghcr.io', undefined],
    ['acme.azurecr.io/app', undefined],
    ['localhost:5000/team', undefined],
    ['https://github.com/octocat', undefined],
    ['ghcr.io/../x', undefined],
    ['', undefined],
  ] as const) {
    it(`of ${pasted} is ${found ?? 'none'}`, () => {
      const { registry, namespace } = namespaceOf(pasted) ?? {};
      assert.equal(registry && `${registry} ${namespace ?? ''}`, found);
    });
  }
});

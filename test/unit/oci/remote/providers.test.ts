import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { bodyOf } from '../../../../src/base/bytes.ts';
import { digestOf } from '../../../../src/oci/digest.ts';
import { isOciError, type ErrorCode } from '../../../../src/oci/errors.ts';
import { allItems } from '../../../../src/oci/pages.ts';
import type { Credential } from '../../../../src/oci/remote/credential.ts';
import { probe } from '../../../../src/oci/remote/probe.ts';
import { quirksOf } from '../../../../src/oci/remote/quirks.ts';
import { assertNoCanary, canary } from '../../../support/canary.ts';
import { everywhere, failureOf, remoteOf, serve, type Remote } from '../../../support/remoteHarness.ts';
import { browsing } from '../../../support/browsing.ts';
import { json, type Seen } from '../../../support/scriptedServer.ts';

// Small servers that answer as the documentation of each provider says; none of them is the provider.

const account = { kind: 'password', username: 'ann', password: 'token-of-ann', source: 'test' } as const;
const robot = { ...account, username: 'my-org+robot' };
const basic = `Basic ${Buffer.from('ann:token-of-ann').toString('base64')}`;
const bearer = 'Bearer token-of-ann';

/** Headers of an answer beside its body. */
type Headers = Readonly<Record<string, string>>;
/** Status, body and headers; undefined: 404. */
type Reply = readonly [status: number, body: unknown, headers?: Headers] | undefined;

interface Case {
  readonly it: string;
  readonly host: string;
  readonly namespace?: string | undefined;
  readonly credential?: Credential;
  /** `host/path?query` → what it answers; `told` is the `Authorization`. */
  readonly answers: (at: string, told: string | undefined, seen: Seen) => Reply;
  readonly lists: readonly string[] | ErrorCode;
  /** Every host that was told something: what. */
  readonly tells?: Readonly<Record<string, readonly string[]>>;
}

const challenged = (realm: string, service: string): Reply => [
  401,
  { errors: [{ code: 'UNAUTHORIZED', message: 'authentication required' }] },
  { 'www-authenticate': `Bearer realm="${realm}",service="${service}",scope="registry:catalog:*"` },
];
const denied: Reply = [403, { errors: [{ code: 'DENIED', message: 'requested access is denied' }] }];
const token: Reply = [200, { token: 'registry-token' }];
const next = (url: string): Headers => ({ link: `<${url}>; rel="next"` });

/** A token service and a catalog that is denied to the token it gives. */
function closed(at: string, realm: string, service: string, told: string | undefined): Reply {
  const [host, path = ''] = at.split(/(?=\/)(.*)/s);
  if (realm.endsWith(`//${host ?? ''}${path.replace(/\?.*/, '')}`)) {
    return token;
  }
  return path.startsWith('/v2/_catalog')
    ? told === 'Bearer registry-token'
      ? denied
      : challenged(realm, service)
    : undefined;
}

const cases: readonly Case[] = [
  {
    it: 'Docker Hub lists a namespace to anyone, page by page',
    host: 'docker.io',
    namespace: 'library',
    answers: (at) =>
      ({
        'hub.docker.com/v2/namespaces/library/repositories?page=1&page_size=100': [
          200,
          {
            count: 3,
            next: 'https://hub.docker.com/v2/namespaces/library/repositories?page=2&page_size=100',
            results: [
              { name: 'alpine', namespace: 'library' },
              { name: 'busybox', namespace: 'library' },
            ],
          },
        ] as const,
        'hub.docker.com/v2/namespaces/library/repositories?page=2&page_size=100': [
          200,
          { count: 3, next: null, results: [{ name: 'nginx', namespace: 'library' }] },
        ] as const,
      })[at],
    lists: ['library/alpine', 'library/busybox', 'library/nginx'],
    tells: {},
  },
  {
    it: 'Docker Hub lists to an account its own repositories, by a token for the API',
    host: 'docker.io',
    credential: account,
    answers: (at, told, { body }) => {
      if (at === 'hub.docker.com/v2/auth/token') {
        assert.deepEqual(JSON.parse(body), { identifier: 'ann', secret: 'token-of-ann' });
        return [200, { access_token: 'hub-token' }];
      }
      return at.startsWith('hub.docker.com/v2/namespaces/ann/repositories?') && told === 'Bearer hub-token'
        ? [200, { next: null, results: [{ name: 'private', namespace: 'ann' }] }]
        : undefined;
    },
    lists: ['ann/private'],
    tells: { 'hub.docker.com': ['Bearer hub-token'] },
  },
  {
    it: 'Docker Hub lists what is public though it takes no such password',
    host: 'docker.io',
    namespace: 'library',
    credential: account,
    answers: (at) =>
      at === 'hub.docker.com/v2/auth/token'
        ? [401, { detail: 'Incorrect authentication credentials' }]
        : at.startsWith('hub.docker.com/v2/namespaces/library/')
          ? [200, { results: [{ name: 'alpine', namespace: 'library' }] }]
          : undefined,
    lists: ['library/alpine'],
    tells: {},
  },
  {
    it: 'Docker Hub lists nothing without a namespace and an account',
    host: 'docker.io',
    answers: () => undefined,
    lists: 'unsupported',
    tells: {},
  },
  {
    it: 'GHCR lists the packages of an organization',
    host: 'ghcr.io',
    namespace: 'my-org',
    credential: account,
    answers: (at, told) => {
      const path = 'api.github.com/orgs/my-org/packages?package_type=container&per_page=100&page=';
      const rest =
        'https://api.github.com/organizations/7/packages?package_type=container&per_page=100&page=2';
      return told !== bearer
        ? [401, { message: 'Requires authentication' }]
        : at === `${path}1`
          ? [200, [{ name: 'app', owner: { login: 'My-Org' } }], next(rest)]
          : at === `${path}2`
            ? [200, [{ name: 'team/web', owner: { login: 'My-Org' } }]]
            : undefined;
    },
    lists: ['my-org/app', 'my-org/team/web'],
    tells: { 'api.github.com': [bearer, bearer] },
  },
  {
    it: 'GHCR lists the packages of a person, who is no organization',
    host: 'ghcr.io',
    namespace: 'octocat',
    credential: account,
    answers: (at) =>
      at.startsWith('api.github.com/users/octocat/packages?')
        ? [200, [{ name: 'hello', owner: { login: 'octocat' } }]]
        : undefined,
    lists: ['octocat/hello'],
    tells: { 'api.github.com': [bearer, bearer] },
  },
  {
    it: 'GHCR lists to an account its own packages',
    host: 'ghcr.io',
    credential: account,
    answers: (at) =>
      at.startsWith('api.github.com/user/packages?')
        ? [200, [{ name: 'mine', owner: { login: 'Ann' } }]]
        : undefined,
    lists: ['ann/mine'],
    tells: { 'api.github.com': [bearer] },
  },
  {
    it: 'GHCR asks who one is for the packages of an organization',
    host: 'ghcr.io',
    namespace: 'my-org',
    answers: (at) =>
      at.startsWith('api.github.com/') ? [401, { message: 'Requires authentication' }] : undefined,
    lists: 'unauthorized',
    tells: {},
  },
  {
    it: 'GitLab lists the repositories of a group',
    host: 'registry.gitlab.com',
    namespace: 'group/sub',
    credential: account,
    answers: (at) => {
      const path = '/api/v4/groups/group%2Fsub/registry/repositories?per_page=100&page=';
      return at === `gitlab.com${path}1`
        ? [200, [{ id: 1, path: 'group/sub/app' }], next(`https://gitlab.com${path}2`)]
        : at === `gitlab.com${path}2`
          ? [200, [{ id: 2, path: 'group/sub/app/cache' }]]
          : undefined;
    },
    lists: ['group/sub/app', 'group/sub/app/cache'],
    tells: { 'gitlab.com': [bearer, bearer] },
  },
  {
    it: 'GitLab lists the repositories of a project, which is no group',
    host: 'registry.gitlab.com',
    namespace: 'group/app',
    answers: (at) =>
      at.startsWith('gitlab.com/api/v4/projects/group%2Fapp/registry/repositories?')
        ? [200, [{ id: 1, path: 'group/app' }]]
        : undefined,
    lists: ['group/app'],
    tells: {},
  },
  {
    it: 'a GitLab of one’s own is told by its challenge, and its API told nothing that was not agreed to',
    host: 'registry.corp.example',
    namespace: 'group',
    credential: account,
    answers: (at, told) =>
      at.startsWith('git.corp.example/api/v4/groups/group/registry/repositories?')
        ? [200, [{ id: 1, path: 'group/app' }]]
        : closed(at, 'http://git.corp.example/jwt/auth', 'container_registry', told),
    lists: ['group/app'],
    tells: { 'registry.corp.example': ['Bearer registry-token'] },
  },
  {
    it: 'a GitLab of one’s own is asked with the account where that was agreed to, for the projects one is in',
    host: 'registry.corp.example',
    credential: { ...account, realms: ['http://git.corp.example'] },
    answers: (at, told) =>
      at === 'git.corp.example/api/v4/projects?membership=true&simple=true&per_page=100&page=1'
        ? [200, [{ id: 7 }, { id: 9 }, { id: '../../x' }]]
        : at === 'git.corp.example/api/v4/projects/7/registry/repositories?per_page=100&page=1'
          ? [200, [{ path: 'group/app' }]]
          : at === 'git.corp.example/api/v4/projects/9/registry/repositories?per_page=100&page=1'
            ? [200, [{ path: 'group/web' }, { path: '../escape' }]]
            : closed(at, 'http://git.corp.example/jwt/auth', 'container_registry', told),
    lists: ['group/app', 'group/web'],
    tells: {
      'registry.corp.example': ['Bearer registry-token'],
      'git.corp.example': [basic, bearer, bearer, bearer],
    },
  },
  {
    it: 'Harbor lists what one may see where the catalog is for administrators',
    host: 'harbor.corp.example',
    credential: account,
    answers: (at, told) =>
      at === 'harbor.corp.example/api/v2.0/repositories?page=1&page_size=100' && told === basic
        ? [200, [{ name: 'team/app' }], next('/api/v2.0/repositories?page=2&page_size=100')]
        : at === 'harbor.corp.example/api/v2.0/repositories?page=2&page_size=100'
          ? [200, [{ name: 'team/web' }]]
          : closed(at, 'http://harbor.corp.example/service/token', 'harbor-registry', told),
    lists: ['team/app', 'team/web'],
    tells: { 'harbor.corp.example': [basic, 'Bearer registry-token', basic, basic] },
  },
  {
    it: 'Harbor lists a project to anyone',
    host: 'harbor.corp.example',
    namespace: 'public',
    answers: (at, told, { headers }) =>
      at === 'harbor.corp.example/api/v2.0/projects/public/repositories?page=1&page_size=100' &&
      headers['x-is-resource-name'] === 'true'
        ? [200, [{ name: 'public/app' }]]
        : closed(at, 'http://harbor.corp.example/service/token', 'harbor-registry', told),
    lists: ['public/app'],
  },
  {
    it: 'Quay lists what is public of a namespace, and its API is told nothing',
    host: 'quay.io',
    namespace: 'my-org',
    answers: (at) => {
      const path = 'quay.io/api/v1/repository?namespace=my-org&public=true';
      return at === path
        ? [200, { repositories: [{ namespace: 'my-org', name: 'app' }], next_page: 'gAAA==' }]
        : at === `${path}&next_page=gAAA%3D%3D`
          ? [200, { repositories: [{ namespace: 'my-org', name: 'web' }] }]
          : undefined;
    },
    lists: ['my-org/app', 'my-org/web'],
    tells: {},
  },
  {
    it: 'Quay lists to a robot what its catalog shows of the namespace, what is private too',
    host: 'quay.io',
    namespace: 'my-org',
    credential: robot,
    answers: (at, told) =>
      at.startsWith('quay.io/v2/_catalog') && told === 'Bearer registry-token'
        ? [200, { repositories: ['my-org/private', 'other/app'] }]
        : at.startsWith('quay.io/v2/auth')
          ? token
          : challenged('http://quay.io/v2/auth', 'quay.io'),
    lists: ['my-org/private'],
  },
  {
    it: 'Quay lists what is public where its catalog is denied to a robot',
    host: 'quay.corp.example',
    credential: robot,
    answers: (at, told) =>
      at === 'quay.corp.example/api/v1/repository?namespace=my-org&public=true' && told === undefined
        ? [200, { repositories: [{ namespace: 'my-org', name: 'app' }] }]
        : closed(at, 'http://quay.corp.example/v2/auth', 'quay.corp.example', told),
    lists: ['my-org/app'],
  },
  {
    it: 'Artifactory lists the catalogs of its docker repositories',
    host: 'corp.jfrog.io',
    credential: account,
    answers: (at, told) => {
      const own = `corp.jfrog.io/artifactory/api/docker/docker-local/v2/_catalog`;
      return told !== basic
        ? [401, {}, { 'www-authenticate': 'Basic realm="Artifactory Realm"' }]
        : at === 'corp.jfrog.io/artifactory/api/repositories?packageType=docker'
          ? [200, [{ key: 'docker-local' }, { key: 'docker-remote' }, { key: '../../admin' }]]
          : at === `${own}?n=100`
            ? // It drops the prefix of its own links.
              [200, { repositories: ['busybox'] }, next('/v2/_catalog?last=busybox&n=100')]
            : at === `${own}?last=busybox&n=100`
              ? [200, { repositories: ['team/app'] }]
              : at === 'corp.jfrog.io/artifactory/api/docker/docker-remote/v2/_catalog?n=100'
                ? [200, { repositories: [] }]
                : undefined;
    },
    lists: ['docker-local/busybox', 'docker-local/team/app'],
  },
  {
    it: 'an Artifactory of one’s own is told by its header, and lists one of its repositories',
    host: 'docker.corp.example',
    namespace: 'docker-local',
    credential: account,
    answers: (at, told) =>
      at === 'docker.corp.example/artifactory/api/docker/docker-local/v2/_catalog?n=100' && told === basic
        ? [200, { repositories: ['app'] }]
        : [404, {}, { 'x-jfrog-version': 'Artifactory/7.104.5 80100900' }],
    lists: ['docker-local/app'],
    tells: { 'docker.corp.example': [basic] },
  },
  {
    it: 'Nexus lists its docker repositories where they are parts of the path',
    host: 'nexus.corp.example',
    credential: account,
    answers: (at, told) =>
      at === 'nexus.corp.example/service/rest/v1/repositories'
        ? [
            200,
            [
              { name: 'hosted', format: 'docker' },
              { name: 'maven', format: 'maven2' },
            ],
          ]
        : at === 'nexus.corp.example/repository/hosted/v2/_catalog?n=100' && told === basic
          ? [200, { repositories: ['app'] }]
          : [404, {}, { server: 'Nexus/3.83.0-08 (PRO)' }],
    lists: ['hosted/app'],
    tells: { 'nexus.corp.example': [basic, basic] },
  },
  {
    it: 'Google lists what is below a project, by the registry’s own tokens',
    host: 'us-docker.pkg.dev',
    namespace: 'project/repo',
    answers: (at, told) => {
      const lists: Readonly<Record<string, unknown>> = {
        'project/repo': { child: ['app', 'group', '../x'], manifest: {}, name: 'project/repo', tags: [] },
        'project/repo/app': { child: [], manifest: { 'sha256:1': {} }, name: 'project/repo/app', tags: [] },
        'project/repo/group': { child: ['web'], manifest: {}, name: 'project/repo/group', tags: [] },
        'project/repo/group/web': { child: [], manifest: {}, name: 'x', tags: ['v1'] },
      };
      const name = /^us-docker\.pkg\.dev\/v2\/(.*)\/tags\/list$/.exec(at)?.[1] ?? '';
      return at.startsWith('us-docker.pkg.dev/v2/token')
        ? token
        : told === undefined
          ? challenged('/v2/token', 'us-docker.pkg.dev')
          : [200, lists[name]];
    },
    lists: ['project/repo/app', 'project/repo/group/web'],
  },
  ...['acme.azurecr.io', '123456789012.dkr.ecr.eu-central-1.amazonaws.com'].map((host): Case => ({
    it: `${host} lists its catalog, and of it a namespace`,
    host,
    namespace: 'team',
    answers: (at) =>
      at === `${host}/v2/_catalog?n=1000`
        ? [200, { repositories: ['a', 'team', 'team/app'] }, next('/v2/_catalog?last=team%2Fapp&n=1000')]
        : at === `${host}/v2/_catalog?last=team%2Fapp&n=1000`
          ? [200, { repositories: ['team-b', 'team/web'] }]
          : undefined,
    lists: ['team', 'team/app', 'team/web'],
    tells: {},
  })),
  {
    it: 'ECR Public lists nothing: names are pinned',
    host: 'public.ecr.aws',
    namespace: 'docker',
    answers: () => undefined,
    lists: 'unsupported',
    tells: {},
  },
  ...(
    [
      ['Gitea and Forgejo', 'http://git.corp.example/v2/token', 'container_registry'],
      ['zot', 'http://git.corp.example/zot/auth/token', 'zot'],
      ['distribution', 'http://git.corp.example/auth/token', 'registry'],
    ] as const
  ).map(([name, realm, service]): Case => ({
    it: `${name} lists of its catalog a namespace, looking on until there is something`,
    host: 'git.corp.example',
    namespace: 'org',
    answers: (at, told) =>
      told !== 'Bearer registry-token'
        ? (closed(at, realm, service, told) ?? undefined)
        : at === 'git.corp.example/v2/_catalog?n=1000'
          ? [200, { repositories: ['a/app'] }, next('/v2/_catalog?last=a%2Fapp&n=1000')]
          : [200, { repositories: ['org/app'] }],
    lists: ['org/app'],
  })),
  {
    it: 'what the registry itself says counts where its API says no more',
    host: 'harbor.corp.example',
    answers: (at, told) =>
      at.includes('/api/')
        ? [500, 'broken']
        : closed(at, 'http://harbor.corp.example/service/token', 'harbor-registry', told),
    lists: 'denied',
  },
];

interface Made extends Remote {
  readonly told: Record<string, string[]>;
  readonly seen: readonly Seen[];
}

async function made(t: TestContext, { answers, host, namespace, credential }: Case): Promise<Made> {
  const told: Record<string, string[]> = {};
  const server = await serve(t, (seen, response) => {
    const at = seen.headers.host ?? '';
    const { authorization } = seen.headers;
    if (authorization !== undefined) {
      (told[at] ??= []).push(authorization);
    }
    const [status, body, headers] = answers(`${at}${seen.url}`, authorization, seen) ?? [404, {}];
    json(response, status, body, headers);
  });
  const remote = remoteOf(
    t,
    { host, origin: `http://${host}` },
    { dispatcher: everywhere(t, server), namespace, ...(credential ? { credential } : {}) },
  );
  return { ...remote, told, seen: server.seen };
}

describe('of its repositories', () => {
  for (const one of cases) {
    it(one.it, async (t) => {
      const remote = await made(t, one);
      const { registry, told } = remote;
      const work = Array.fromAsync(allItems((op) => registry.repositories(op)));
      if (typeof one.lists === 'string') {
        const error = await failureOf(work);
        assert.ok(isOciError(error, one.lists), `${String(error)}\n${remote.output()}`);
        assert.equal(error.facts.host, one.host);
      } else {
        assert.deepEqual(await work, one.lists, remote.output());
      }
      if (one.tells) {
        assert.deepEqual(told, one.tells);
      }
    });
  }
});

describe('an API of a provider', () => {
  const ghcr: Case = {
    it: '',
    host: 'ghcr.io',
    namespace: 'my-org',
    credential: { ...canary, password: 'C4nary' },
    answers: () => undefined,
    lists: [],
  };

  it('that echoes what it was told is not quoted, and what it says is', async (t) => {
    const remote = await made(t, {
      ...ghcr,
      answers: (_, told) => [403, { message: `You need read:packages, not ${told ?? ''}` }],
    });
    const error = await failureOf(remote.registry.repositories());
    assert.ok(isOciError(error, 'denied'));
    assert.match(error.facts.detail ?? '', /You need read:packages/);
    assertNoCanary('error', [error.message, error.stack, error.facts.detail, remote.output()]);
  });

  it('that warns with what it was told is not quoted in the log', async (t) => {
    const remote = await made(t, {
      ...ghcr,
      answers: (_, told) => [200, [], { warning: `299 - "be careful, ${told ?? ''}"` }],
    });
    await remote.registry.repositories();
    assert.match(remote.output(), /be careful/);
    assertNoCanary('warning', remote.output());
  });

  it('that answers with brackets alone is no list, and not parsed', async (t) => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    const server = await serve(t, (_, response) => response.end(deep));
    const { registry } = remoteOf(
      t,
      { host: 'ghcr.io', origin: 'http://ghcr.io' },
      {
        dispatcher: everywhere(t, server),
        namespace: 'my-org',
        credential: { ...canary, password: 'C4nary' },
      },
    );
    const parse = t.mock.method(JSON, 'parse');
    await registry.repositories().catch(() => undefined);
    assert.equal(server.seen.length > 0, true);
    assert.ok(!parse.mock.calls.some(({ arguments: [text] }) => text === deep));
  });

  it('that redirects elsewhere takes no account along', async (t) => {
    const { registry, told, seen } = await made(t, {
      ...ghcr,
      answers: (at) =>
        at.startsWith('api.github.com')
          ? [307, {}, { location: 'http://elsewhere.example/list' }]
          : [200, [{ name: 'app', owner: { login: 'my-org' } }]],
    });
    // The tests' servers have no TLS, which its API has: nothing leaves that for plain HTTP.
    assert.ok(isOciError(await failureOf(registry.repositories()), 'origin-refused'));
    assert.deepEqual(Object.keys(told), ['api.github.com']);
    assert.equal(seen.length, 1);
  });

  it('gives a page as long as was asked for, and the rest without asking again', async (t) => {
    const { registry, seen } = await made(t, {
      ...ghcr,
      answers: () => [200, ['a', 'b', 'c', 'd'].map((name) => ({ name, owner: { login: 'my-org' } }))],
    });
    const first = await registry.repositories({ limit: 3 });
    assert.deepEqual(first.items, ['my-org/a', 'my-org/b', 'my-org/c']);
    const second = await registry.repositories({ limit: 3, page: first.next });
    assert.deepEqual(second, { items: ['my-org/d'] });
    assert.equal(seen.length, 1);
  });

  it('is asked no more than ten times behind one page, however many lists it names', async (t) => {
    const { registry, seen } = await made(t, {
      ...ghcr,
      host: 'registry.gitlab.com',
      namespace: undefined,
      answers: (at) =>
        at.includes('/projects?') ? [200, Array.from({ length: 5000 }, (_, id) => ({ id }))] : [200, []],
    });
    const first = await registry.repositories();
    assert.deepEqual(first.items, []);
    assert.equal(seen.length, 10);
    // What has no room is counted, and told in the tree.
    assert.equal(first.leftOut, 4500);
    const second = await registry.repositories({ page: first.next });
    assert.deepEqual([second.leftOut, seen.length], [4500, 20]);
    const browser = browsing(registry);
    const [root] = browser.roots();
    assert.ok(root);
    const rows = await browser.children(root);
    assert.deepEqual(
      rows.map((row) => (row.kind === 'note' ? [row.note, row.count] : row.kind)),
      [['left-out', 4500], 'more'],
    );
  });
});

describe('Azure Container Registry', () => {
  it('is sent no piece of a blob that it takes for too large', async (t) => {
    const size = 40 * 1024 * 1024;
    const content = Buffer.alloc(size);
    const pieces = async function* (): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < size; at += 1024 * 1024) {
        yield await Promise.resolve(content.subarray(at, at + 1024 * 1024));
      }
    };
    const sent: number[] = [];
    const { registry } = await made(t, {
      it: '',
      host: 'acme.azurecr.io',
      answers: (_, __, { method, body }) => {
        sent.push(...(method === 'PATCH' ? [body.length] : []));
        return [method === 'PUT' ? 201 : 202, {}, { location: '/v2/app/blobs/uploads/1' }];
      },
      lists: [],
    });
    const blob = { mediaType: 'text/plain', digest: digestOf(content), size };
    await registry.repository('app').push(blob, bodyOf(content));
    const mebibytes = sent.map((bytes) => bytes / 1024 / 1024);
    assert.deepEqual(mebibytes, [16, 16, 8]);
    sent.length = 0;
    await registry.repository('app').pushStream?.(pieces);
    assert.ok(sent.length > 1 && sent.every((bytes) => bytes <= 16 * 1024 * 1024), String(sent));
  });
});

describe('a probe', () => {
  for (const [realm, service, listsNamespaces] of [
    ['/jwt/auth', 'container_registry', true],
    ['/v2/token', 'container_registry', undefined],
    ['/token', 'registry', undefined],
  ] as const) {
    it(`of a registry with a token service at ${realm} finds ${listsNamespaces ? '' : 'no '}namespaces to list`, async (t) => {
      const host = 'git.corp.example';
      const at = `http://${host}${realm}`;
      const server = await serve(t, ({ url, headers }, response) => {
        const [status, body, more] = url.startsWith(realm)
          ? [200, { token: 'registry-token' }, {}]
          : (closed(`${host}/v2/_catalog`, at, service, headers.authorization) ?? [404, {}]);
        json(response, status, body, more);
      });
      const found = await probe({
        host,
        scheme: 'http',
        dispatcher: everywhere(t, server),
        credentials: () => Promise.resolve(undefined),
        userAgent: 'test',
      });
      assert.equal(found.listsNamespaces, listsNamespaces);
      assert.equal(found.catalog, 'denied');
    });
  }
});

describe('a tag of Azure Container Registry', () => {
  it('goes by its own API where that of registries only deletes by digest', async (t) => {
    const deleted: string[] = [];
    const { registry } = await made(t, {
      it: '',
      host: 'acme.azurecr.io',
      answers: (at, _, { method }) => {
        deleted.push(`${method} ${at}`);
        return at.includes('/acr/')
          ? [202, {}]
          : [405, { errors: [{ code: 'UNSUPPORTED', message: 'The operation is unsupported.' }] }];
      },
      lists: [],
    });
    await registry.repository('team/app').untag?.('v1');
    assert.deepEqual(deleted, [
      'DELETE acme.azurecr.io/v2/team/app/manifests/v1',
      'DELETE acme.azurecr.io/acr/v1/team/app/_tags/v1',
    ]);
  });
});

describe('the table of registries', () => {
  for (const [host, name] of [
    ['docker.io', 'Docker Hub'],
    ['ghcr.io', 'GitHub Container Registry'],
    ['ghcr.io.evil.example', undefined],
    ['evil-ghcr.io', undefined],
    ['acme.azurecr.io', 'Azure Container Registry'],
    ['acme.azurecr.io.evil.example', undefined],
    ['123456789012.dkr.ecr.us-east-1.amazonaws.com', 'Amazon ECR'],
    ['public.ecr.aws', 'Amazon ECR Public'],
    ['europe-west1-docker.pkg.dev', 'Google Artifact Registry'],
    ['eu.gcr.io', 'Google Artifact Registry'],
    ['quay.io', 'Quay'],
    ['registry.gitlab.com', 'GitLab'],
    ['corp.jfrog.io', 'JFrog Artifactory'],
    ['ghcr.io:443', 'GitHub Container Registry'],
    ['ghcr.io:8443', undefined],
    ['localhost:5000', undefined],
  ] as const) {
    it(`knows ${host} as ${name ?? 'nobody it knows'}`, () => {
      assert.equal(quirksOf(host)?.name, name);
    });
  }

  for (const [traits, name] of [
    [{ realm: 'https://h.example/service/token', service: 'harbor-registry' }, 'Harbor'],
    [{ realm: 'https://h.example/service/token', service: 'x' }, undefined],
    [{ realm: 'https://h.example/jwt/auth', service: 'container_registry' }, 'GitLab'],
    [{ realm: 'https://h.example/v2/token', service: 'container_registry' }, 'Gitea or Forgejo'],
    [{ realm: 'https://h.example/v2/auth', service: 'h.example' }, 'Quay'],
    [{ headers: { server: 'Nexus/3.70.1-02 (OSS)' } }, 'Sonatype Nexus'],
    [{ headers: { 'x-jfrog-version': 'Artifactory/7.1.0' } }, 'JFrog Artifactory'],
    [{ headers: { 'docker-distribution-api-version': 'registry/2.0' } }, 'CNCF Distribution or alike'],
    [{ headers: {} }, undefined],
  ] as const) {
    it(`knows ${name ?? 'nobody'} by ${JSON.stringify(traits)}`, () => {
      const shown = { headers: {}, realm: undefined, service: undefined, ...traits };
      assert.equal(quirksOf('any.example', shown)?.name, name);
    });
  }
});

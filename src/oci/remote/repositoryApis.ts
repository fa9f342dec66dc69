import { isRecord } from '../descriptor.ts';

/** Whose repositories are listed. */
export interface Whose {
  /** `library`, `my-org`, `group/project`; undefined: all that can be seen. */
  readonly namespace: string | undefined;
  /** The user name of the account, where there is one. */
  readonly user: string | undefined;
}

/** What one answer says. */
export interface Found {
  readonly repositories: readonly string[];
  /** A link to the next page, of which only the query is used; a `Link` header counts without it. */
  readonly next?: string | undefined;
  /** Paths of lists that go on from here. */
  readonly below?: readonly string[];
}

/** How a provider lists repositories where it denies the catalog, as its documentation says. */
export interface RepositoryApi {
  /** Where it answers, when not at the origin of the registry; `realm`: at that of its token service. */
  readonly origin?: string;
  /**
   * What of the account is sent, as `Authorization` and to no other origin: its name and password, the password as a token, a
   * token of Docker Hub made of both, what the registry's own challenge asks for, or nothing.
   */
  readonly account: 'basic' | 'token' | 'hub' | 'challenge' | 'none';
  readonly headers?: Readonly<Record<string, string>>;
  /** Paths to ask, the next where one is not found. Empty: it does not list what is wanted. */
  readonly start: (whose: Whose) => readonly string[];
  readonly read: (json: unknown, path: string) => Found;
}

const perPage = 100;

/** hub.docker.com: List repositories in a namespace; public ones without an account. */
export const dockerHubApi: RepositoryApi = {
  origin: 'https://hub.docker.com',
  account: 'hub',
  start: ({ namespace, user }) => {
    const owner = namespace ?? user;
    return owner !== undefined && /^[a-z0-9]+(?:[._-][a-z0-9]+)*$/.test(owner)
      ? [`/v2/namespaces/${owner}/repositories?page=1&page_size=${perPage}`]
      : [];
  },
  read: (json) => ({
    repositories: items(json, 'results').flatMap((item) =>
      joined(text(item, 'namespace'), text(item, 'name')),
    ),
    next: text(json, 'next'),
  }),
};

/** api.github.com: List packages for an organization, for a user, for the authenticated user; each wants an account. */
export const githubApi: RepositoryApi = {
  origin: 'https://api.github.com',
  account: 'token',
  headers: { accept: 'application/vnd.github+json', 'x-github-api-version': '2022-11-28' },
  start: ({ namespace, user }) => {
    const query = `package_type=container&per_page=${perPage}&page=1`;
    const [owner] = namespace?.split('/') ?? [];
    return owner !== undefined
      ? [`/orgs/${owner}/packages?${query}`, `/users/${owner}/packages?${query}`]
      : user === undefined
        ? []
        : [`/user/packages?${query}`];
  },
  read: (json) => ({
    repositories: list(json).flatMap((item) =>
      joined(text(field(item, 'owner'), 'login')?.toLowerCase(), text(item, 'name')),
    ),
  }),
};

/** GitLab: List registry repositories within a group, within a project; without a namespace, of the projects one is in. */
export const gitlabApi: RepositoryApi = {
  origin: 'realm',
  account: 'token',
  start: ({ namespace, user }) => {
    const page = `per_page=${perPage}&page=1`;
    const id = encodeURIComponent(namespace ?? '');
    return namespace !== undefined
      ? [
          `/api/v4/groups/${id}/registry/repositories?${page}`,
          `/api/v4/projects/${id}/registry/repositories?${page}`,
        ]
      : user === undefined
        ? []
        : [`/api/v4/projects?membership=true&simple=true&${page}`];
  },
  read: (json, path) =>
    path.startsWith('/api/v4/projects?')
      ? {
          repositories: [],
          below: list(json)
            .map((project) => field(project, 'id'))
            .filter((id) => Number.isSafeInteger(id))
            .map((id) => `/api/v4/projects/${String(id)}/registry/repositories?per_page=${perPage}&page=1`),
        }
      : { repositories: list(json).flatMap((item) => text(item, 'path') ?? []) },
};

/** Harbor API 2.0: repositories one may see, or those of a project; public ones without an account. */
export const harborApi: RepositoryApi = {
  account: 'basic',
  headers: { 'x-is-resource-name': 'true' },
  start: ({ namespace }) => {
    const page = `page=1&page_size=${perPage}`;
    const [project] = namespace?.split('/') ?? [];
    return [
      project === undefined
        ? `/api/v2.0/repositories?${page}`
        : `/api/v2.0/projects/${project}/repositories?${page}`,
    ];
  },
  read: (json) => ({ repositories: list(json).flatMap((item) => text(item, 'name') ?? []) }),
};

/** Quay API 1, listRepos. Its tokens are none of the registry's, so that only what is public is listed. */
export const quayApi: RepositoryApi = {
  account: 'none',
  start: ({ namespace, user }) => {
    // A robot is `namespace+name`.
    const owner = namespace ?? user?.split('+', 1)[0];
    return owner !== undefined && owner !== '' && !owner.startsWith('$')
      ? [`/api/v1/repository?namespace=${encodeURIComponent(owner)}&public=true`]
      : [];
  },
  read: (json, path) => {
    const page = text(json, 'next_page');
    return {
      repositories: items(json, 'repositories').flatMap((item) =>
        joined(text(item, 'namespace'), text(item, 'name')),
      ),
      next:
        page === undefined
          ? undefined
          : `${path.replace(/&next_page=.*$/, '')}&next_page=${encodeURIComponent(page)}`,
    };
  },
};

/** A catalog for each docker repository of the product, which is the first part of a name. */
function catalogs(
  keys: string,
  key: (item: unknown) => string | undefined,
  catalog: (key: string) => string,
): RepositoryApi {
  const first = (name: string): string => `${catalog(name)}?n=${perPage}`;
  return {
    account: 'basic',
    start: ({ namespace }) => [namespace === undefined ? keys : first(namespace.split('/', 1)[0] ?? '')],
    read: (json, path) => {
      if (path === keys) {
        const names = list(json).flatMap((item) => key(item) ?? []);
        return { repositories: [], below: names.filter((name) => /^[\w.-]{1,100}$/.test(name)).map(first) };
      }
      const name = /\/([^/]+)\/v2\/_catalog\?/.exec(path)?.[1];
      return {
        repositories: items(json, 'repositories').flatMap((item) =>
          typeof item === 'string' ? joined(name, item) : [],
        ),
      };
    },
  };
}

/** Artifactory REST API: Get Repositories by Type, List Docker Repositories. */
export const artifactoryApi = catalogs(
  '/artifactory/api/repositories?packageType=docker',
  (item) => text(item, 'key'),
  (key) => `/artifactory/api/docker/${key}/v2/_catalog`,
);

/** Nexus Repository: the repositories service of its REST API, and the registry of each below `/repository`. */
export const nexusApi = catalogs(
  '/service/rest/v1/repositories',
  (item) => (text(item, 'format') === 'docker' ? text(item, 'name') : undefined),
  (key) => `/repository/${key}/v2/_catalog`,
);

/** Container Registry and Artifact Registry of Google: a list of tags names what is below it, too. */
export const googleApi: RepositoryApi = {
  account: 'challenge',
  start: ({ namespace }) => (namespace === undefined ? [] : [`/v2/${namespace}/tags/list`]),
  read: (json, path) => {
    const name = path.slice('/v2/'.length, -'/tags/list'.length);
    const manifests = field(json, 'manifest');
    const isRepository =
      items(json, 'tags').length > 0 || (isRecord(manifests) && Object.keys(manifests).length > 0);
    return {
      repositories: isRepository ? [name] : [],
      below: items(json, 'child')
        .filter((child) => typeof child === 'string' && /^[a-z0-9][a-z0-9._-]{0,100}$/.test(child))
        .map((child) => `/v2/${name}/${String(child)}/tags/list`),
    };
  },
};

function field(json: unknown, name: string): unknown {
  return isRecord(json) && Object.hasOwn(json, name) ? json[name] : undefined;
}

function text(json: unknown, name: string): string | undefined {
  const value = field(json, name);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function list(json: unknown): readonly unknown[] {
  return Array.isArray(json) ? json : [];
}

function items(json: unknown, name: string): readonly unknown[] {
  return list(field(json, name));
}

function joined(namespace: string | undefined, name: string | undefined): readonly string[] {
  return namespace === undefined || name === undefined ? [] : [`${namespace}/${name}`];
}

import {
  artifactoryApi,
  dockerHubApi,
  githubApi,
  gitlabApi,
  googleApi,
  harborApi,
  nexusApi,
  quayApi,
  type RepositoryApi,
} from './repositoryApis.ts';

/** What is known of a registry beyond the specification; a row per provider. What is not in it is found out by asking. */
export interface Quirks {
  /** What people call it. */
  readonly name: string;
  /** Hosts that are this provider, before anything was asked. */
  readonly host?: RegExp;
  /** Of a product that runs under any name: a header of its answers, which is always there. */
  readonly header?: readonly [name: string, value: RegExp];
  /** Likewise: the path of the token service its challenges name, and the service. */
  readonly tokens?: { readonly path: RegExp; readonly service: RegExp };
  /** Hosts of the token service, which credentials go to without asking, when it is another than the registry's. */
  readonly realmHosts?: readonly string[];
  /** Each manifest `GET` counts as a pull; a `HEAD` does not. */
  readonly countsReads?: boolean;
  /** The catalog is not worth asking for. */
  readonly noCatalog?: boolean;
  /** Every repository stands in a namespace, so that a first part alone is one. */
  readonly isNamespaced?: boolean;
  /** How repositories are listed where the catalog is denied, and those of a namespace. */
  readonly api?: RepositoryApi;
  /** As documented: by the referrers API, or by tags alone. Which it is, is found out by asking. */
  readonly referrers?: 'api' | 'tags';
  /** As documented: nothing is deleted by the API of registries. */
  readonly deletes?: 'elsewhere';
  /** Most bytes of a blob it takes in one request, where that is less than is usual. */
  readonly maxChunk?: number;
  /** Path that deletes a tag alone, where the specification's is refused. */
  readonly untag?: (repository: string, tag: string) => string;
}

const quirks: readonly Quirks[] = [
  {
    name: 'Docker Hub',
    host: /^(?:docker\.io|registry-1\.docker\.io)$/,
    realmHosts: ['auth.docker.io'],
    countsReads: true,
    noCatalog: true,
    isNamespaced: true,
    api: dockerHubApi,
  },
  {
    name: 'GitHub Container Registry',
    host: /^ghcr\.io$/,
    noCatalog: true,
    isNamespaced: true,
    api: githubApi,
    referrers: 'tags',
    deletes: 'elsewhere',
  },
  {
    name: 'Azure Container Registry',
    host: /^[a-z0-9-]+\.azurecr\.(?:io|cn|us)$/,
    referrers: 'api',
    // More than about 20 MB is answered with 413.
    maxChunk: 16 * 1024 * 1024,
    untag: (repository, tag) => `/acr/v1/${repository}/_tags/${tag}`,
  },
  {
    name: 'Amazon ECR',
    host: /^\d{12}\.dkr[.-]ecr(?:-fips)?\.[a-z0-9-]+\.(?:amazonaws\.com(?:\.cn)?|on\.aws|on\.amazonwebservices\.com\.cn)$/,
    referrers: 'api',
    deletes: 'elsewhere',
  },
  {
    name: 'Amazon ECR Public',
    host: /^public\.ecr\.aws$/,
    noCatalog: true,
    isNamespaced: true,
    deletes: 'elsewhere',
  },
  {
    name: 'Google Artifact Registry',
    host: /^(?:[a-z0-9-]+-docker\.pkg\.dev|(?:[a-z]+\.)?gcr\.io)$/,
    isNamespaced: true,
    api: googleApi,
    referrers: 'api',
  },
  {
    name: 'Quay',
    host: /^quay\.io$/,
    isNamespaced: true,
    api: quayApi,
    referrers: 'api',
  },
  { name: 'Quay', tokens: { path: /^\/v2\/auth$/, service: /./ }, api: quayApi, referrers: 'api' },
  {
    name: 'GitLab',
    host: /^registry\.gitlab\.com$/,
    realmHosts: ['gitlab.com'],
    noCatalog: true,
    isNamespaced: true,
    api: { ...gitlabApi, origin: 'https://gitlab.com' },
  },
  {
    name: 'GitLab',
    tokens: { path: /\/jwt\/auth$/, service: /^container_registry$/ },
    isNamespaced: true,
    api: gitlabApi,
  },
  {
    name: 'Harbor',
    tokens: { path: /^\/service\/token$/, service: /^harbor-registry$/ },
    isNamespaced: true,
    api: harborApi,
    referrers: 'api',
  },
  { name: 'JFrog Artifactory', host: /^[a-z0-9-]+\.jfrog\.io$/, api: artifactoryApi },
  { name: 'JFrog Artifactory', header: ['x-jfrog-version', /^Artifactory\//], api: artifactoryApi },
  { name: 'Sonatype Nexus', header: ['server', /^Nexus\//], api: nexusApi },
  {
    name: 'Gitea or Forgejo',
    tokens: { path: /\/v2\/token$/, service: /^container_registry$/ },
    isNamespaced: true,
  },
  { name: 'zot', host: /(?:^|\.)zothub\.io$/, referrers: 'api' },
  { name: 'DigitalOcean', host: /^registry\.digitalocean\.com$/, realmHosts: ['api.digitalocean.com'] },
  { name: 'Elastic', host: /^docker\.elastic\.co$/, realmHosts: ['docker-auth.elastic.co'] },
  // The reference implementation, and what is built on it.
  { name: 'CNCF Distribution or alike', header: ['docker-distribution-api-version', /^registry\/2\.0$/] },
];

/** What a registry showed of itself. */
export interface Traits {
  /** Of its last answer. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Of its last challenge, a whole URL. */
  readonly realm: string | undefined;
  readonly service: string | undefined;
}

/** The row of a registry: by its host, else by what it showed, the first that fits. */
export function quirksOf(host: string, traits?: Traits): Quirks | undefined {
  const name = host.replace(/:443$/, '');
  return (
    quirks.find((row) => row.host?.test(name) === true) ??
    (traits && quirks.find((row) => shows(row, traits)))
  );
}

function shows({ header, tokens }: Quirks, { headers, realm, service }: Traits): boolean {
  if (header) {
    const value = headers[header[0]];
    return typeof value === 'string' && header[1].test(value);
  }
  return (
    tokens !== undefined &&
    realm !== undefined &&
    tokens.path.test(new URL(realm).pathname) &&
    tokens.service.test(service ?? '')
  );
}

export function trustedRealmHosts(host: string): readonly string[] {
  return quirksOf(host)?.realmHosts ?? [];
}

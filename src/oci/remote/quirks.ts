/** What is known of a registry before it is asked; a row per registry. */
export interface Quirks {
  readonly host: RegExp;
  /** Hosts of the token service, which credentials go to without asking, when it is another than the registry's. */
  readonly realmHosts?: readonly string[];
  /** Each manifest `GET` counts as a pull; a `HEAD` does not. */
  readonly countsReads?: boolean;
  /** The catalog is not worth asking for. */
  readonly noCatalog?: boolean;
}

const quirks: readonly Quirks[] = [
  {
    host: /^(?:docker\.io|registry-1\.docker\.io)$/,
    realmHosts: ['auth.docker.io'],
    countsReads: true,
    noCatalog: true,
  },
  { host: /^registry\.gitlab\.com$/, realmHosts: ['gitlab.com'] },
  { host: /^ghcr\.io$/, noCatalog: true },
  { host: /^docker\.elastic\.co$/, realmHosts: ['docker-auth.elastic.co'] },
  { host: /^registry\.digitalocean\.com$/, realmHosts: ['api.digitalocean.com'] },
];

export function quirksOf(host: string): Quirks | undefined {
  return quirks.find((row) => row.host.test(host.replace(/:443$/, '')));
}

export function trustedRealmHosts(host: string): readonly string[] {
  return quirksOf(host)?.realmHosts ?? [];
}

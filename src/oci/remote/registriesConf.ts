import { parse, TomlError } from 'smol-toml';
import { isRecord } from '../descriptor.ts';
import { canonicalHost, isHost, isRepository } from '../reference.ts';

/** A place of a registry's content, as `host[:port][/path]` says it. */
export interface Endpoint {
  readonly host: string;
  /** What stands in front of the rest of a name there; empty: nothing. */
  readonly path: string;
  /** TLS that does not verify, and plain HTTP, will do. */
  readonly isInsecure: boolean;
}

export interface Mirror extends Endpoint {
  readonly pulls: 'all' | 'digest-only' | 'tag-only';
}

/** One `[[registry]]` of registries.conf (containers-registries.conf(5), version 2). */
export interface RegistryRule {
  /** `example.com`, `example.com/team`, `*.example.com`. */
  readonly prefix: string;
  /** Undefined: names are used as they are. */
  readonly location: Endpoint | undefined;
  readonly isInsecure: boolean;
  readonly isBlocked: boolean;
  readonly mirrors: readonly Mirror[];
  /** Path it was read from. */
  readonly file: string;
}

/** The machine, so that a test can give its own. */
export interface ConfMachine {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  /** Undefined for what is not there. */
  readonly readFile: (path: string) => string | undefined;
  /** Names in a folder; empty for one that is not there. */
  readonly readFolder: (path: string) => readonly string[];
  readonly warn?: ((text: string) => void) | undefined;
}

const systemFile = '/etc/containers/registries.conf';
const userFile = '.config/containers/registries.conf';
/** Beside each of the two: more files, in the order of their names. */
const folderOf = (file: string): string => `${file}.d`;

const maxRules = 1000;
const maxMirrors = 20;
const maxFiles = 100;

/**
 * The rules of this machine: the file that `CONTAINERS_REGISTRIES_CONF` names, else the user's, else the system's, then what
 * lies in the folders beside them; a later rule of the same prefix counts. What cannot be read is passed over and said.
 */
export function readRegistriesConf(machine: ConfMachine): readonly RegistryRule[] {
  const { env, home, readFile, readFolder } = machine;
  const named = env['CONTAINERS_REGISTRIES_CONF'] ?? '';
  const own = `${home}/${userFile}`;
  const isOwn = named === '' && readFile(own) !== undefined;
  const main = named !== '' ? named : isOwn ? own : systemFile;
  const folders = named !== '' ? [] : isOwn ? [folderOf(own)] : [folderOf(systemFile), folderOf(own)];
  const files = [
    main,
    ...folders.flatMap((folder) =>
      readFolder(folder)
        .filter((name) => name.endsWith('.conf'))
        .sort()
        .slice(0, maxFiles)
        .map((name) => `${folder}/${name}`),
    ),
  ];
  const rules = new Map<string, RegistryRule>();
  for (const file of files) {
    for (const rule of rulesOf(file, machine)) {
      rules.set(rule.prefix, rule);
    }
  }
  return [...rules.values()];
}

function rulesOf(file: string, { readFile, warn }: ConfMachine): readonly RegistryRule[] {
  try {
    const tables: unknown = parse(readFile(file) ?? '')['registry'];
    return (Array.isArray(tables) ? tables.slice(0, maxRules) : []).flatMap((table) => {
      const rule = ruleOf(table, file);
      if (!rule) {
        warn?.(`${file}: a [[registry]] without a prefix or location that can be used is passed over`);
      }
      return rule ?? [];
    });
  } catch (error) {
    const at = error instanceof TomlError ? ` in line ${error.line}` : '';
    warn?.(`${file} is passed over: it cannot be read${at}`);
    return [];
  }
}

function ruleOf(table: unknown, file: string): RegistryRule | undefined {
  if (!isRecord(table)) {
    return undefined;
  }
  const isInsecure = table['insecure'] === true;
  const location = endpointOf(table['location'], isInsecure);
  const written = table['prefix'] ?? table['location'];
  const prefix = typeof written === 'string' ? prefixOf(written) : undefined;
  if (prefix === undefined || (!location && !prefix.startsWith('*.'))) {
    return undefined;
  }
  const mirrors = table['mirror'];
  const byDigest = table['mirror-by-digest-only'] === true;
  return {
    prefix,
    location: location && nameOf(location) !== prefix ? location : undefined,
    isInsecure,
    isBlocked: table['blocked'] === true,
    mirrors: (Array.isArray(mirrors) ? mirrors.slice(0, maxMirrors) : []).flatMap(
      (mirror) => mirrorOf(mirror, byDigest) ?? [],
    ),
    file,
  };
}

function mirrorOf(table: unknown, byDigest: boolean): Mirror | undefined {
  if (!isRecord(table)) {
    return undefined;
  }
  const endpoint = endpointOf(table['location'], table['insecure'] === true);
  const said = table['pull-from-mirror'];
  const pulls = said === 'digest-only' || said === 'tag-only' ? said : byDigest ? 'digest-only' : 'all';
  return endpoint && { ...endpoint, pulls };
}

/** Without a scheme, which there is none of here; with one, it names nothing. */
function endpointOf(written: unknown, isInsecure: boolean): Endpoint | undefined {
  if (typeof written !== 'string') {
    return undefined;
  }
  const [first = '', ...rest] = written.replace(/\/+$/, '').split('/');
  const host = canonicalHost(first);
  const path = rest.join('/');
  return isHost(host) && (path === '' || isRepository(path)) ? { host, path, isInsecure } : undefined;
}

function prefixOf(written: string): string | undefined {
  const wild = /^\*\.([a-z0-9.-]+)$/i.exec(written)?.[1];
  const endpoint = endpointOf(wild ?? written, false);
  return endpoint && (wild === undefined ? nameOf(endpoint) : `*.${endpoint.host}`);
}

export function nameOf({ host, path }: Endpoint): string {
  return path === '' ? host : `${host}/${path}`;
}

/** The rule of a repository, or of a registry as a whole: that of the longest prefix. */
export function ruleFor(
  rules: readonly RegistryRule[],
  host: string,
  repository?: string,
): RegistryRule | undefined {
  const name = repository === undefined ? host : `${host}/${repository}`;
  let found: RegistryRule | undefined;
  for (const rule of rules) {
    const fits = rule.prefix.startsWith('*.')
      ? host.replace(/:\d+$/, '').endsWith(rule.prefix.slice(1))
      : name === rule.prefix || name.startsWith(`${rule.prefix}/`);
    if (fits && (!found || found.prefix.length < rule.prefix.length)) {
      found = rule;
    }
  }
  return found;
}

/**
 * What stands for a registry in reads, in the order it is asked: mirrors that take such a read, then where it is instead.
 */
export function endpointsOf(rule: RegistryRule, by: 'digest' | 'tag'): readonly Endpoint[] {
  const mirrors = rule.mirrors.filter(({ pulls }) => pulls === 'all' || pulls === `${by}-only`);
  return [...mirrors, ...(rule.location ? [rule.location] : [])];
}

/** The file that lets a host be spoken to without TLS that verifies, as the registry as a whole that it is. */
export function insecureBy(rules: readonly RegistryRule[], host: string): string | undefined {
  const own = ruleFor(rules, host);
  return own?.isInsecure === true && (own.location?.host ?? host) === host ? own.file : undefined;
}

/** Whether a host may be spoken to so where it stands for another: as a mirror, or as what a registry is moved to. */
export function isInsecureEndpoint(rules: readonly RegistryRule[], host: string): boolean {
  return rules.some(({ location, mirrors }) =>
    [...mirrors, ...(location ? [location] : [])].some(
      (endpoint) => endpoint.host === host && endpoint.isInsecure,
    ),
  );
}

/** A repository below the prefix of a rule, as it is named at an endpoint. */
export function nameAt({ path }: Endpoint, rule: RegistryRule, host: string, repository: string): string {
  const full = `${host}/${repository}`;
  const rest = rule.prefix.startsWith('*.') ? repository : full.slice(rule.prefix.length + 1);
  return [path, rest].filter((part) => part !== '').join('/');
}

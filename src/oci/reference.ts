import { isDigest, type Digest } from './digest.ts';
import { OciError } from './errors.ts';

/** `host[:port]/repository[:tag][@digest]`, taken apart. */
export interface Reference {
  /** `host[:port]`, lower case. */
  readonly registry: string;
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

/** distribution-spec, Pulling manifests: `<name>` and `<reference>`. */
const repositoryGrammar =
  /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const tagGrammar = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;
const hostGrammar = /^(?:\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?)(?::[0-9]{1,5})?$/;

/** Longest host and repository together that registries are asked to take (distribution-spec). */
const maxName = 255;

export function isRepository(text: string): boolean {
  return text.length > 0 && text.length <= maxName && repositoryGrammar.test(text);
}

export function isTag(text: string): boolean {
  return text.length <= 128 && tagGrammar.test(text);
}

export function isHost(text: string): boolean {
  if (text.length > maxName || !hostGrammar.test(text)) {
    return false;
  }
  const port = /:([0-9]+)$/.exec(text)?.[1];
  return port === undefined || text.endsWith(']') || (Number(port) > 0 && Number(port) < 65536);
}

export function referenceText(reference: Reference): string {
  const tag = reference.tag ? `:${reference.tag}` : '';
  const digest = reference.digest ? `@${reference.digest}` : '';
  return `${reference.registry}/${reference.repository}${tag}${digest}`;
}

/** What a person pasted: a registry, and whatever of a reference came with it. */
export interface Pasted {
  readonly registry: string;
  readonly repository?: string;
  readonly tag?: string;
  readonly digest?: Digest;
  /** The scheme they wrote, if they wrote one. */
  readonly scheme?: 'http' | 'https';
}

/** What a name without a host means to docker; hosts that are one registry share the first name. */
const dockerHub = {
  host: 'docker.io',
  aliases: ['index.docker.io', 'registry-1.docker.io'],
  namespace: 'library',
} as const;

/** The name a registry goes by: lower case, one name for Docker Hub. */
export function canonicalHost(host: string): string {
  const lower = host.toLowerCase();
  return (dockerHub.aliases as readonly string[]).includes(lower) ? dockerHub.host : lower;
}

/** Where the API of a registry answers, when that is not the host people write. */
export function apiHost(host: string): string {
  return canonicalHost(host) === dockerHub.host ? 'registry-1.docker.io' : host;
}

/** True for exact `localhost`, 127.0.0.0/8 and `[::1]`, with or without a port. */
export function isLoopback(host: string): boolean {
  const name = host.startsWith('[') ? host.slice(0, host.indexOf(']') + 1) : (host.split(':')[0] ?? '');
  return name === 'localhost' || name === '[::1]' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(name);
}

/**
 * The first part is a host if it could not be a part of a repository name (docker's rule): it has a dot or a port, or it is
 * `localhost`.
 */
function looksLikeHost(part: string): boolean {
  return part === 'localhost' || part.startsWith('[') || /[.:]/.test(part) || /[A-Z]/.test(part);
}

/**
 * `[host/]repository[:tag][@digest]`; without a host, Docker Hub's.
 * @throws {OciError} `reference-invalid`
 */
export function parseReference(text: string): Reference {
  const pasted = splitReference(text.trim());
  if (pasted?.repository === undefined) {
    throw new OciError('reference-invalid', `Not a reference: ${text.slice(0, 200)}`);
  }
  return { ...pasted, repository: pasted.repository };
}

/**
 * The parts of a reference or of a bare host; undefined where a part breaks its grammar. With `hostFirst`, as behind a
 * scheme, the first part is a host whatever it looks like.
 */
export function splitReference(text: string, hostFirst = false): Omit<Pasted, 'scheme'> | undefined {
  if (text.length === 0 || text.length > 1024) {
    return undefined;
  }
  const at = text.indexOf('@');
  const digest = at < 0 ? undefined : text.slice(at + 1);
  const name = at < 0 ? text : text.slice(0, at);
  if (digest !== undefined && !isDigest(digest)) {
    return undefined;
  }
  const slash = name.indexOf('/');
  const first = slash < 0 ? name : name.slice(0, slash);
  const isBareHost = slash < 0 && digest === undefined && (hostFirst || isBareRegistry(first));
  const hasHost = isBareHost || (slash > 0 && (hostFirst || looksLikeHost(first)));
  const registry = hasHost ? canonicalHost(first) : dockerHub.host;
  if (!isHost(registry)) {
    return undefined;
  }
  const path = isBareHost ? '' : hasHost ? name.slice(slash + 1) : name;
  if (path === '') {
    return digest === undefined ? { registry } : undefined;
  }
  const colon = path.lastIndexOf(':');
  const tag = colon < 0 ? undefined : path.slice(colon + 1);
  const bare = colon < 0 ? path : path.slice(0, colon);
  const repository =
    registry === dockerHub.host && !bare.includes('/') ? `${dockerHub.namespace}/${bare}` : bare;
  if (!isRepository(repository) || (tag !== undefined && !isTag(tag))) {
    return undefined;
  }
  return {
    registry,
    repository,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

/** `registry.example.com`, `localhost`, `host:5000`; `alpine:3.20` is a repository with a tag, `myhost` a repository. */
function isBareRegistry(text: string): boolean {
  return (
    text === 'localhost' ||
    text.startsWith('[') ||
    /:\d+$/.test(text) ||
    /\.[a-zA-Z]/.test(text) ||
    /^\d+(?:\.\d+){3}$/.test(text)
  );
}

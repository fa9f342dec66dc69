import { canonicalHost, isHost, isRepository } from '../reference.ts';
import { quirksOf } from './quirks.ts';

/** A registry, and whose repositories of it are wanted. */
export interface NamespaceOf {
  readonly registry: string;
  readonly namespace: string;
}

/** Pages of people and organizations in a browser, and what they are in a registry. */
const pages: readonly (readonly [at: RegExp, registry: string])[] = [
  [/^hub\.docker\.com\/(?:u|orgs)\/([^/?#]+)/, 'docker.io'],
  [/^quay\.io\/(?:organization|user)\/([^/?#]+)/, 'quay.io'],
  [/^github\.com\/(?:orgs|users)\/([^/?#]+)\/packages/, 'ghcr.io'],
  [/^github\.com\/([^/?#]+)\/?\?(?:[^#]*&)?tab=packages/, 'ghcr.io'],
];

/**
 * The namespace a person pasted: `ghcr.io/my-org`, `quay.io/my-org/`, `docker.io/library`, or its page. Undefined for what
 * names no registry whose repositories all stand in one. On Docker Hub a name alone is an official image, but for `library`
 * itself and what ends in a slash.
 */
export function namespaceOf(text: string): NamespaceOf | undefined {
  const path = text.trim().replace(/^(?:https?|oci):\/\//i, '');
  for (const [at, registry] of pages) {
    const name = at.exec(path)?.[1]?.toLowerCase() ?? '';
    if (isRepository(name)) {
      return { registry, namespace: name };
    }
  }
  const [, host = '', name = '', slash] = /^([^/\s]+)\/([^/\s?#]+)(\/?)$/.exec(path) ?? [];
  const registry = canonicalHost(host);
  const namespace = name.toLowerCase();
  const isOfficial = registry === 'docker.io' && namespace !== 'library' && slash === '';
  return isHost(registry) &&
    isRepository(namespace) &&
    !isOfficial &&
    quirksOf(registry)?.isNamespaced === true
    ? { registry, namespace }
    : undefined;
}

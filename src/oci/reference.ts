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

/** The tag or digest a store is asked for; the digest wins where both are given. */
export function refOf(reference: Reference): string {
  return reference.digest ?? reference.tag ?? 'latest';
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

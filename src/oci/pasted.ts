import { OciError } from './errors.ts';
import { canonicalHost, isHost, isRepository, splitReference, type Pasted } from './reference.ts';

/** Longest text that is looked at. */
const maxText = 4096;

/** Words of a command line that are not what it is about: the tool, its verbs. */
const tools = new Set([
  'docker',
  'podman',
  'nerdctl',
  'oras',
  'helm',
  'crane',
  'gcrane',
  'skopeo',
  'regctl',
  'buildah',
  'cosign',
  'notation',
  'sudo',
  'wasm-to-oci',
  'flux',
  'conftest',
  'ollama',
]);

/** Flags of those tools that are followed by a value, so that the value is not taken for a reference. */
const valueFlags = new Set([
  '-o',
  '--output',
  '-u',
  '--username',
  '-p',
  '--password',
  '--platform',
  '-d',
  '--destination',
  '--untardir',
  '--config',
  '--format',
  '--registry-config',
  '--concurrency',
  '--artifact-type',
  '-a',
  '--annotation',
  '--name',
  '--ca-file',
]);

/** Transports some tools write before a reference. */
const transports = /^(?:docker|oci|containers-storage|docker-daemon):(?:\/\/)?/i;

/**
 * Anything a person would paste to name a registry: a host, a URL, an API address, a reference, or a pull command.
 * @throws {OciError} `reference-invalid` when no word of it names a registry
 */
export function parsePasted(text: string): Pasted {
  const trimmed = text.trim();
  if (trimmed.length > 0 && trimmed.length <= maxText) {
    const words = trimmed.split(/\s+/).map((word) => word.replace(/^["'`$]+|["'`;,]+$/g, ''));
    const found = words.length === 1 ? parseWord(words[0] ?? '') : parseCommand(words);
    if (found) {
      return found;
    }
  }
  throw new OciError(
    'reference-invalid',
    `Not a registry, reference or pull command: ${trimmed.slice(0, 200)}`,
  );
}

/** The first word behind the tool and its verbs that is a reference. `--version` of helm is the tag. */
function parseCommand(words: readonly string[]): Pasted | undefined {
  let version: string | undefined;
  const candidates: string[] = [];
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? '';
    const [flag, inline] = word.split('=', 2);
    if (flag === '--version') {
      version = inline ?? words[++index];
    } else if (word.startsWith('-')) {
      index += valueFlags.has(word) ? 1 : 0;
    } else {
      candidates.push(word);
    }
  }
  const isCommand = tools.has(candidates[0] ?? '');
  const named = candidates.filter((word) => /[/:.]/.test(word));
  for (const word of named.length > 0
    ? named
    : isCommand && candidates.length > 2
      ? candidates.slice(-1)
      : []) {
    const found = parseWord(word);
    if (found && (isCommand || found.repository === undefined || word.includes('/'))) {
      const isVersioned = version !== undefined && found.tag === undefined && found.digest === undefined;
      // Helm writes `+` of a version as `_` in a tag.
      return isVersioned ? { ...found, tag: (version ?? '').replaceAll('+', '_') } : found;
    }
  }
  return undefined;
}

function parseWord(word: string): Pasted | undefined {
  const url = /^(https?|oci):\/\/(.+)$/i.exec(word);
  if (!url) {
    const found = splitReference(
      word
        .replace(transports, '')
        .replace(/\/v2\/?$/, '')
        .replace(/\/$/, ''),
    );
    return found ?? parseApiPath(word);
  }
  const scheme = (url[1] ?? '').toLowerCase();
  const rest = (url[2] ?? '').replace(/^[^/@]*@(?=[^/]*\/|[^/]*$)/, (userinfo) =>
    userinfo.startsWith('sha') ? userinfo : '',
  );
  const found = parseBrowserPage(rest) ?? parseApiPath(rest) ?? splitReference(hostAndPath(rest), true);
  return found && (scheme === 'http' || scheme === 'https') ? { ...found, scheme } : found;
}

/** Without query, fragment and trailing slash; a host without a dot or port is still a host behind a scheme. */
function hostAndPath(rest: string): string {
  const clean = rest.replace(/[?#].*$/, '').replace(/\/+$/, '');
  return clean;
}

/** `host/v2/team/app/manifests/1.2`, `host/v2/team/app/tags/list`, `host/v2/_catalog`. */
function parseApiPath(text: string): Pasted | undefined {
  const match = /^([^/]+)(?:\/v[12](?:\/(.*))?)?$/.exec(hostAndPath(text));
  const host = canonicalHost(match?.[1] ?? '');
  if (!match || !isHost(host)) {
    return undefined;
  }
  const path = match[2] ?? '';
  const api = /^(.+)\/(?:manifests|blobs|referrers|tags)\/([^/]+)$/.exec(path);
  if (!api) {
    return isRepository(path) ? { registry: host, repository: path } : { registry: host };
  }
  const [, repository = '', ref = ''] = api;
  const suffix = ref.includes(':') ? `@${ref}` : `:${ref}`;
  return splitReference(`${host}/${repository}${path.includes('/manifests/') ? suffix : ''}`);
}

/** Pages people have open in a browser, and where the repository stands in them. */
const pages: readonly { readonly at: RegExp; readonly reference: (match: readonly string[]) => string }[] = [
  {
    at: /^hub\.docker\.com\/r\/([^/?#]+)\/([^/?#]+)/,
    reference: ([, owner = '', name = '']) => `docker.io/${owner}/${name}`,
  },
  { at: /^hub\.docker\.com\/_\/([^/?#]+)/, reference: ([, name = '']) => `docker.io/library/${name}` },
  {
    at: /^quay\.io\/repository\/([^/?#]+)\/([^/?#]+)/,
    reference: ([, owner = '', name = '']) => `quay.io/${owner}/${name}`,
  },
  {
    at: /^github\.com\/(?:orgs\/|users\/)?([^/?#]+)\/(?:[^/?#]+\/)?(?:pkgs|packages)\/container\/(?:package\/)?([^/?#]+)/,
    reference: ([, owner = '', name = '']) => `ghcr.io/${owner.toLowerCase()}/${decodeURIComponent(name)}`,
  },
];

function parseBrowserPage(text: string): Pasted | undefined {
  for (const page of pages) {
    const match = page.at.exec(text);
    if (match) {
      return splitReference(page.reference(match));
    }
  }
  return undefined;
}

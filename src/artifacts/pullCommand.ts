import { shellWord } from './shellWord.ts';
import { builtInTable, type TypeTable } from './table.ts';
import type { ArtifactType } from './type.ts';

export interface PullTarget {
  readonly kind: 'remote' | 'local' | 'layout';
  /** Host, or for layouts the absolute path of the folder of layouts (local) or of the layout. */
  readonly registry: string;
  readonly repository: string;
  readonly tag?: string | undefined;
  readonly digest: string;
  /** Digest of what it is attached to; else taken from a tag that names it. */
  readonly subject?: string | undefined;
  readonly plainHttp: boolean;
}

/** Tools that need to be told about plain HTTP, and how, by the words the command starts with. */
const plainHttpFlags: readonly (readonly [command: string, flag: string])[] = [
  ['oras', '--plain-http'],
  ['helm pull', '--plain-http'],
  ['cosign', '--allow-http-registry'],
  ['notation', '--insecure-registry'],
  ['skopeo copy', '--src-tls-verify=false'],
  ['podman pull', '--tls-verify=false'],
  ['buildah from', '--tls-verify=false'],
  ['nerdctl', '--insecure-registry'],
  ['ctr image pull', '--plain-http'],
  ['modctl pull', '--plain-http'],
  ['kit pull', '--plain-http'],
  ['zarf', '--plain-http'],
  ['conftest pull', '--tls=false'],
  ['apptainer pull', '--no-https'],
  ['spin registry pull', '--insecure'],
  ['imgpkg pull', '--registry-insecure'],
];

const anything = 'oras pull {ref}';

/**
 * What to type into a POSIX shell to get it, by type; what is on disk is pulled by oras. Everything that comes from a
 * server, a setting or the file system is one word of the command, whatever is in it.
 */
export function pullCommand(type: ArtifactType, target: PullTarget, table: TypeTable = builtInTable): string {
  const suffix = target.tag === undefined ? `@${target.digest}` : `:${target.tag}`;
  if (target.kind !== 'remote') {
    const layout = target.kind === 'local' ? `${target.registry}/${target.repository}` : target.registry;
    return `oras pull --oci-layout ${shellWord(`${layout}${suffix}`)}`;
  }
  const values = valuesOf(type, target, suffix);
  const template = table.byId.get(type.id)?.pull ?? anything;
  // Some need what is not known here, or a tag where there is none: oras takes anything.
  const command = filled(template, values) ?? filled(anything, values) ?? '';
  const flag = plainHttpFlags.find(([start]) => command.startsWith(`${start} `))?.[1];
  return target.plainHttp && flag !== undefined ? `${command} ${flag}` : command;
}

type Values = Readonly<Record<string, string | undefined>>;

function valuesOf(type: ArtifactType, target: PullTarget, suffix: string): Values {
  const { registry, repository, tag, digest } = target;
  const repo = `${registry}/${repository}`;
  const subject = target.subject ?? (tag === undefined ? undefined : subjectOfTag(tag));
  return {
    ref: `${repo}${suffix}`,
    repo,
    registry,
    name: repository.split('/').at(-1),
    tag,
    version: tag === undefined ? undefined : versionOfTag(tag),
    digest,
    subject: subject === undefined ? undefined : `${repo}@${subject}`,
    predicate: type.evidence.find(({ field }) => /predicate-?type"\]$/i.test(field))?.value,
  };
}

/** `sha256-<hex>` and cosign's `sha256-<hex>.sig` name a digest; one of sha512 does where it was not cut. */
function subjectOfTag(tag: string): string | undefined {
  const [, algorithm, hex] = /^(sha256|sha512)-([0-9a-f]+)(?:\.\w+)?$/.exec(tag) ?? [];
  return hex?.length === (algorithm === 'sha256' ? 64 : 128) ? `${algorithm}:${hex}` : undefined;
}

/** Charts are tagged by a semantic version, with `_` for the `+` that no tag may hold. */
function versionOfTag(tag: string): string | undefined {
  const version = tag.replace('_', '+');
  return /^v?\d+\.\d+\.\d+(?:-[\w.-]+)?(?:\+[\w.-]+)?$/.test(version) ? version : undefined;
}

const placeholder = /\{(\w+)\}/g;

/** Undefined when the template names something that is not known. */
function filled(template: string, values: Values): string | undefined {
  const valueOf = (name = ''): string => (Object.hasOwn(values, name) && values[name]) || '';
  if ([...template.matchAll(placeholder)].some(([, name]) => valueOf(name) === '')) {
    return undefined;
  }
  return template
    .split(' ')
    .map((word) => {
      const text = word.replace(placeholder, (_, name: string) => valueOf(name));
      return text === word ? word : shellWord(text);
    })
    .join(' ');
}

import { typeRow } from './table.ts';
import type { ArtifactType } from './type.ts';

export interface PullTarget {
  readonly kind: 'remote' | 'local' | 'layout';
  /** Host, or for layouts the absolute path of the folder of layouts (local) or of the layout. */
  readonly registry: string;
  readonly repository: string;
  readonly tag?: string | undefined;
  readonly digest: string;
  readonly plainHttp: boolean;
}

/** Tools that need to be told about plain HTTP, and how. */
const plainHttpFlags: Readonly<Record<string, string>> = { oras: '--plain-http', helm: '--plain-http' };

/** What to type to get it, by type; what is on disk is pulled by oras. */
export function pullCommand(type: ArtifactType, target: PullTarget): string {
  const suffix = target.tag === undefined ? `@${target.digest}` : `:${target.tag}`;
  if (target.kind !== 'remote') {
    const layout = target.kind === 'local' ? `${target.registry}/${target.repository}` : target.registry;
    return `oras pull --oci-layout ${quoted(`${layout}${suffix}`)}`;
  }
  const repo = `${target.registry}/${target.repository}`;
  const values: Readonly<Record<string, string>> = {
    ref: `${repo}${suffix}`,
    repo,
    tag: target.tag ?? '',
    digest: target.digest,
    registry: target.registry,
  };
  const template = typeRow(type.id)?.pull ?? 'oras pull {ref}';
  const needs = [...template.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '');
  // Some need what only their tool knows, or a tag where there is none: oras takes anything.
  const usable = needs.every((name) => (values[name] ?? '') !== '') ? template : 'oras pull {ref}';
  const command = usable.replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? '');
  const flag = target.plainHttp ? plainHttpFlags[command.split(' ', 1)[0] ?? ''] : undefined;
  return flag === undefined ? command : `${command} ${flag}`;
}

/** For a POSIX shell; names of registries, repositories and tags need no quotes. */
function quoted(text: string): string {
  return /^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

import type { Place, Places } from '../browse/place.ts';
import { repositoryNameOf } from '../oci/layout/layoutRegistry.ts';
import { parsePasted } from '../oci/pasted.ts';
import type { Pasted } from '../oci/reference.ts';

/** True for the one repository of a layout that is not a folder of layouts: the path alone names it. */
export function isWholeLayout({ kind, host }: Place, repository: string): boolean {
  return kind === 'layout' && repository === repositoryNameOf(host);
}

/**
 * What *Copy Reference* and *Copy Pull Command* give of Local and of layouts, and `Local/app:1`: undefined for everything
 * else.
 */
export function findLocal(
  text: string,
  { all }: Pick<Places, 'all'>,
): (Pasted & { readonly place: Place }) | undefined {
  const wanted = pulled(text.trim());
  for (const place of all()) {
    if (place.kind === 'remote') {
      continue;
    }
    const rest = wanted.startsWith(place.host) ? wanted.slice(place.host.length) : undefined;
    if (place.kind === 'layout' && rest !== undefined && /^(?:[:@]|$)/.test(rest)) {
      return parsed(`${repositoryNameOf(place.host)}${rest}`, place);
    }
    for (const prefix of [`${place.host}/`, `${place.name}/`]) {
      if (wanted.toLowerCase().startsWith(prefix.toLowerCase())) {
        return parsed(wanted.slice(prefix.length), place);
      }
    }
  }
  return undefined;
}

/** The path of `oras pull --oci-layout path:tag`, with or without the quotes of a shell. */
function pulled(text: string): string {
  const match = /--oci-layout[ =](?:'((?:[^']|'\\'')*)'|(\S+))/.exec(text);
  return match?.[1]?.replaceAll(String.raw`'\''`, "'") ?? match?.[2] ?? text;
}

function parsed(name: string, place: Place): (Pasted & { readonly place: Place }) | undefined {
  try {
    // Any host does: what counts is behind it.
    return { ...parsePasted(`localhost/${name}`), place };
  } catch {
    return undefined;
  }
}

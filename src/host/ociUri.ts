import { Uri } from 'vscode';
import type { Location } from '../browse/location.ts';
import { locationParts, parseLocationParts } from '../browse/locationText.ts';
import { scheme } from '../contributions.ts';

/** The URI of a document. It holds everything, so that a restored tab needs no state. */
export function toUri(location: Location): Uri {
  return Uri.from({ scheme, ...locationParts(location) });
}

/** The document a URI names; undefined unless it is exactly what `toUri` makes. */
export function fromUri(uri: Uri): Location | undefined {
  if (uri.scheme !== scheme || uri.authority !== '' || uri.fragment !== '') {
    return undefined;
  }
  return parseLocationParts({ path: uri.path, query: uri.query });
}

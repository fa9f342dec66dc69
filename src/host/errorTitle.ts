import { l10n } from 'vscode';
import type { ErrorCode, ErrorFacts, OciError } from '../oci/errors.ts';

/** What happened in two or three words, for a row that a narrow side bar cuts; `errorText` says the rest. */
export const errorTitles: Readonly<Record<ErrorCode, (facts: ErrorFacts) => string>> = {
  'reference-invalid': () => l10n.t('Not a reference'),
  'digest-invalid': () => l10n.t('Not a digest'),
  'media-type-invalid': () => l10n.t('Not a media type'),
  unreachable: () => l10n.t('Cannot be reached'),
  'name-not-found': () => l10n.t('No such host'),
  timeout: () => l10n.t('No answer in time'),
  'connection-lost': () => l10n.t('Connection broke'),
  'plain-http-server': () => l10n.t('Plain HTTP, not HTTPS'),
  'plain-http-refused': () => l10n.t('Plain HTTP not allowed'),
  'tls-untrusted': () => l10n.t('Untrusted certificate'),
  'tls-invalid': () => l10n.t('No safe connection'),
  unauthorized: () => l10n.t('Sign-in needed'),
  denied: () => l10n.t('Not allowed'),
  'credentials-unreadable': () => l10n.t('Unreadable credentials'),
  'origin-refused': () => l10n.t('Not safe to follow'),
  'not-found': () => l10n.t('Not found'),
  unsupported: () => l10n.t('Not supported'),
  'rate-limited': () => l10n.t('Asked too often'),
  'server-error': ({ status }) => l10n.t('Server error {0}', status ?? '5xx'),
  'request-refused': ({ status }) => l10n.t('Refused with {0}', status ?? '4xx'),
  'not-a-registry': () => l10n.t('Not a registry'),
  'endless-list': () => l10n.t('List without end'),
  'manifest-invalid': () => l10n.t('Invalid manifest'),
  'too-large': () => l10n.t('Too large'),
  'ratio-exceeded': () => l10n.t('Not safe to unpack'),
  'size-mismatch': () => l10n.t('Wrong size'),
  'digest-mismatch': () => l10n.t('Wrong digest'),
  'layout-invalid': () => l10n.t('Not an OCI layout'),
  'archive-invalid': () => l10n.t('Damaged archive'),
  'path-unsafe': () => l10n.t('Unsafe name'),
  'recipe-invalid': () => l10n.t('Recipe cannot be used'),
  'path-taken': () => l10n.t('Name taken'),
  'disk-full': () => l10n.t('Disk full'),
  'read-only': () => l10n.t('No permission'),
  'file-missing': () => l10n.t('Not there any more'),
  'file-changed': () => l10n.t('File changed'),
  'file-error': () => l10n.t('File error'),
  blocked: () => l10n.t('Blocked'),
  busy: () => l10n.t('In use'),
  'tag-exists': () => l10n.t('Tag exists'),
  internal: () => l10n.t('Internal error'),
};

export function errorTitle(error: OciError): string {
  return errorTitles[error.code](error.facts);
}

import { l10n } from 'vscode';
import { Command, type CommandId } from '../contributions.ts';
import { OciError, type ErrorCode, type ErrorFacts } from '../oci/errors.ts';
import { plainText } from './plainText.ts';

export interface Remedy {
  readonly title: string;
  /** Called with the facts of the error, or with the failure node where there is one. */
  readonly command: CommandId;
}

export interface ErrorText {
  /** What happened and what to do, in one or two sentences. */
  readonly message: string;
  readonly remedies: readonly Remedy[];
}

interface Row {
  readonly text: (facts: ErrorFacts, message: string) => string;
  readonly remedies?: readonly (keyof typeof remedies)[];
}

const remedies = {
  signIn: { title: () => l10n.t('Sign In'), command: Command.signIn },
  useHttp: { title: () => l10n.t('Use HTTP'), command: Command.useHttp },
  trust: { title: () => l10n.t('Trust Certificate'), command: Command.trustCertificate },
  retry: { title: () => l10n.t('Retry'), command: Command.refresh },
  diagnose: { title: () => l10n.t('Diagnose'), command: Command.diagnose },
  goTo: { title: () => l10n.t('Go to Reference'), command: Command.goToReference },
  log: { title: () => l10n.t('Show Log'), command: Command.showLog },
} as const;

function hostOf(facts: ErrorFacts): string {
  return plainText(facts.host ?? facts.url ?? l10n.t('The registry'), 120);
}

function pathOf(facts: ErrorFacts): string {
  return plainText(facts.url ?? facts.host ?? l10n.t('the file'), 200);
}

/** One row per code: what happened and what to do about it. */
const rows = {
  'reference-invalid': {
    text: (_, message) =>
      l10n.t('{0}. A reference looks like host/repository:tag or host/repository@sha256:….', message),
  },
  'digest-invalid': {
    text: (_, message) => l10n.t('{0}. A digest is sha256: or sha512: and lower case hex digits.', message),
  },
  'media-type-invalid': {
    text: (_, message) => l10n.t('{0}. A media type looks like application/vnd.example.thing.v1.', message),
  },
  unreachable: {
    text: (facts) =>
      l10n.t('{0} cannot be reached. Check that it runs, the port, and the network.', hostOf(facts)),
    remedies: ['retry', 'diagnose', 'log'],
  },
  'name-not-found': {
    text: (facts) => l10n.t('There is no host named {0}. Check the spelling and the network.', hostOf(facts)),
    remedies: ['retry', 'diagnose'],
  },
  timeout: {
    text: (facts) => l10n.t('{0} did not answer in time. Try again later.', hostOf(facts)),
    remedies: ['retry', 'diagnose', 'log'],
  },
  'connection-lost': {
    text: (facts) => l10n.t('The connection to {0} broke. Try again.', hostOf(facts)),
    remedies: ['retry', 'diagnose', 'log'],
  },
  'plain-http-server': {
    text: (facts) =>
      l10n.t(
        '{0} speaks plain HTTP, not HTTPS. Passwords and content would be sent unprotected.',
        hostOf(facts),
      ),
    remedies: ['useHttp'],
  },
  'plain-http-refused': {
    text: (facts) =>
      l10n.t('{0} would be spoken to without TLS, which has to be allowed for it first.', hostOf(facts)),
    remedies: ['useHttp'],
  },
  'tls-untrusted': {
    text: (facts) =>
      l10n.t('The certificate of {0} is not signed by an authority this machine trusts.', hostOf(facts)),
    remedies: ['trust', 'diagnose', 'log'],
  },
  'tls-invalid': {
    text: (facts) =>
      l10n.t(
        'No safe connection to {0}: its certificate is expired, not valid yet or for another name, or TLS failed.',
        hostOf(facts),
      ),
    remedies: ['retry', 'diagnose', 'log'],
  },
  unauthorized: {
    text: (facts) =>
      facts.realm === undefined
        ? l10n.t('{0} asks who you are. Sign in to go on.', hostOf(facts))
        : l10n.t(
            '{0} sends people to {1} to sign in. Your stored credentials are only sent there if you agree: sign in to do so.',
            hostOf(facts),
            plainText(facts.realm, 120),
          ),
    remedies: ['signIn'],
  },
  denied: {
    text: (facts) =>
      l10n.t('{0} does not let you do this. Sign in as someone who may, or ask its owner.', hostOf(facts)),
    remedies: ['signIn', 'log'],
  },
  'credentials-unreadable': {
    text: (_, message) => l10n.t('Stored credentials cannot be read: {0}. Sign in again.', message),
    remedies: ['signIn', 'log'],
  },
  'origin-refused': {
    text: (facts, message) =>
      l10n.t('{0} points to a place where it is not safe to follow: {1}.', hostOf(facts), message),
    remedies: ['log'],
  },
  blocked: {
    text: (facts) =>
      l10n.t('{0} is blocked on this machine, by {1}.', hostOf(facts), plainText(facts.url ?? '', 200)),
    remedies: ['log'],
  },
  'not-found': {
    text: (facts) =>
      l10n.t('{0} does not have it, or does not show it to you. Check the name.', hostOf(facts)),
    remedies: ['retry', 'signIn'],
  },
  unsupported: {
    text: (facts, message) => l10n.t('{0} cannot do this: {1}.', hostOf(facts), message),
    remedies: ['log'],
  },
  'rate-limited': {
    text: (facts) =>
      facts.retryAfter === undefined
        ? l10n.t('{0} was asked too often. Wait a little, or sign in for a higher limit.', hostOf(facts))
        : l10n.t(
            '{0} was asked too often. Try again in {1} s, or sign in for a higher limit.',
            hostOf(facts),
            facts.retryAfter,
          ),
    remedies: ['retry', 'signIn'],
  },
  'server-error': {
    text: (facts) =>
      l10n.t('{0} failed with status {1}. Try again later.', hostOf(facts), facts.status ?? '5xx'),
    remedies: ['retry', 'log'],
  },
  'request-refused': {
    text: (facts) => l10n.t('{0} refused the request with status {1}.', hostOf(facts), facts.status ?? '4xx'),
    remedies: ['log'],
  },
  'not-a-registry': {
    text: (facts) =>
      l10n.t(
        '{0} answers, but not as an OCI registry. Check the host and port; is a proxy or login page in between?',
        hostOf(facts),
      ),
    remedies: ['retry', 'diagnose', 'log'],
  },
  'endless-list': {
    text: (facts) =>
      l10n.t(
        '{0} gives a list that does not end; what came so far is shown. Go to a reference to see others.',
        hostOf(facts),
      ),
    remedies: ['goTo', 'log'],
  },
  'manifest-invalid': {
    text: (_, message) => l10n.t('The manifest is not valid: {0}. It was not used.', message),
    remedies: ['retry', 'log'],
  },
  'too-large': {
    text: (_, message) => l10n.t('Too large to read safely: {0}.', message),
    remedies: ['log'],
  },
  'ratio-exceeded': {
    text: (_, message) => l10n.t('It may be made to fill the disk: {0}. Nothing was written.', message),
    remedies: ['log'],
  },
  'size-mismatch': {
    text: (_, message) =>
      l10n.t('The content is not as long as its descriptor says: {0}. It was not used.', message),
    remedies: ['retry', 'log'],
  },
  'digest-mismatch': {
    text: (_, message) => l10n.t('The content is not what its digest names: {0}. It was not used.', message),
    remedies: ['retry', 'log'],
  },
  'layout-invalid': {
    text: (_, message) =>
      l10n.t('{0}. Choose a folder or tar with an oci-layout and an index.json.', message),
    remedies: ['log'],
  },
  'archive-invalid': {
    text: (_, message) => l10n.t('The archive is damaged: {0}. Nothing was unpacked.', message),
    remedies: ['log'],
  },
  'path-unsafe': {
    text: (_, message) => l10n.t('A name in it is not safe to write: {0}. Nothing was written.', message),
    remedies: ['log'],
  },
  'path-taken': {
    text: (_, message) =>
      l10n.t('{0}. Nothing was changed; move it away, or choose another folder.', message),
  },
  'recipe-invalid': {
    text: (_, message) => l10n.t('.oci/push.json cannot be used: {0}. Nothing was pushed.', message),
    remedies: ['log'],
  },
  'disk-full': {
    text: (facts) =>
      l10n.t('The disk is full: {0}. Nothing was changed. Make room and try again.', pathOf(facts)),
    remedies: ['log'],
  },
  'read-only': {
    text: (facts) =>
      l10n.t('{0} may not be read or written. Change its permissions or choose another one.', pathOf(facts)),
    remedies: ['log'],
  },
  'file-missing': {
    text: (facts) => l10n.t('{0} is not there any more.', pathOf(facts)),
    remedies: ['retry'],
  },
  'file-changed': {
    text: (_, message) => l10n.t('A file changed while it was read: {0}. Try again.', message),
  },
  'file-error': {
    text: (_, message) => l10n.t('A file could not be read or written: {0}', message),
    remedies: ['log'],
  },
  busy: {
    text: (facts) => l10n.t('Another program is writing to {0}. Try again when it is done.', pathOf(facts)),
    remedies: ['retry'],
  },
  'tag-exists': {
    text: (_, message) => l10n.t('{0}. Choose another tag.', message),
  },
  internal: {
    text: (_, message) => l10n.t('Something went wrong that should not: {0}', message),
    remedies: ['log'],
  },
} as const satisfies Record<ErrorCode, Row>;

/**
 * What people read of an error, and the buttons that help. Parts that come from outside are bounded and without links.
 * An abort has no text of its own: callers are silent about it (`isAbort`).
 */
export function errorText(error: unknown): ErrorText {
  if (!(error instanceof OciError)) {
    const message = plainText(error instanceof Error ? error.message : String(error));
    return { message: rows.internal.text({}, message), remedies: [remedyOf('log')] };
  }
  const row: Row = rows[error.code];
  const detail = error.facts.detail ? plainText(error.facts.detail) : '';
  const text = row.text(error.facts, plainText(error.message).replace(/\.$/, ''));
  return {
    message: detail && !text.includes(detail) ? l10n.t('{0} It says: {1}', text, detail) : text,
    remedies: (row.remedies ?? []).filter((name) => isPossible(name, error.facts)).map(remedyOf),
  };
}

/** What is done about a host needs one: one cannot sign in to a folder. */
function isPossible(name: keyof typeof remedies, facts: ErrorFacts): boolean {
  switch (name) {
    case 'trust':
    case 'signIn':
    case 'useHttp':
    case 'diagnose':
      return facts.host !== undefined;
    default:
      return true;
  }
}

function remedyOf(name: keyof typeof remedies): Remedy {
  const { title, command } = remedies[name];
  return { title: title(), command };
}

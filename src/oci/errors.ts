/**
 * Everything that can go wrong, as a closed list: a test in `test/unit/host` holds a message and remedies to each.
 * Cancellation is not in it: that is the `AbortError` of the signal, thrown as it is.
 */
export type ErrorCode =
  // input
  | 'reference-invalid'
  | 'digest-invalid'
  | 'media-type-invalid'
  // network
  | 'unreachable'
  | 'name-not-found'
  | 'timeout'
  | 'connection-lost'
  | 'plain-http-server'
  | 'plain-http-refused'
  | 'tls-untrusted'
  | 'tls-invalid'
  // who
  | 'unauthorized'
  | 'denied'
  | 'credentials-unreadable'
  | 'origin-refused'
  | 'blocked'
  // what
  | 'not-found'
  | 'unsupported'
  | 'rate-limited'
  | 'server-error'
  | 'request-refused'
  | 'not-a-registry'
  | 'endless-list'
  // content
  | 'manifest-invalid'
  | 'too-large'
  | 'ratio-exceeded'
  | 'size-mismatch'
  | 'digest-mismatch'
  | 'layout-invalid'
  | 'archive-invalid'
  | 'path-unsafe'
  | 'path-taken'
  | 'recipe-invalid'
  // local
  | 'disk-full'
  | 'read-only'
  | 'file-missing'
  | 'file-changed'
  | 'file-error'
  | 'busy'
  | 'tag-exists'
  | 'internal';

export interface ErrorFacts {
  readonly method?: string;
  /** Without userinfo and without query: a signed URL is a secret. */
  readonly url?: string;
  readonly status?: number;
  /** The registry's own words (`errors[].code: message`), at most 1,000 characters, control characters removed. */
  readonly detail?: string;
  /** Seconds to wait, from `Retry-After`. */
  readonly retryAfter?: number;
  /** Host the failure is about, for remedies: `localhost:5000`. */
  readonly host?: string;
  /** Origin of a token service that stored credentials were not sent to, as nobody agreed to it. */
  readonly realm?: string;
  readonly cause?: unknown;
}

/** The one error of the core. `message` is English and for the log; people see the text of `host/errorText.ts`. */
export class OciError extends Error {
  override readonly name = 'OciError';
  readonly code: ErrorCode;
  readonly facts: ErrorFacts;

  constructor(code: ErrorCode, message: string, facts: ErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = code;
    this.facts = facts;
  }
}

export function isOciError(error: unknown, ...codes: readonly ErrorCode[]): error is OciError {
  return error instanceof OciError && (codes.length === 0 || codes.includes(error.code));
}

/** True for what an aborted `AbortSignal` throws. */
export function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

/** Node's file system errors by their code. */
const fileCodes: Readonly<Record<string, ErrorCode>> = {
  ENOSPC: 'disk-full',
  EDQUOT: 'disk-full',
  EROFS: 'read-only',
  EACCES: 'read-only',
  EPERM: 'read-only',
  ENOENT: 'file-missing',
  ENOTDIR: 'file-missing',
};

/** Wraps an error of `node:fs`; an OciError and an abort pass through as they are. */
export function fileError(error: unknown, path: string): Error {
  if (error instanceof OciError || isAbort(error)) {
    return error as Error;
  }
  const cause = error as NodeJS.ErrnoException;
  return new OciError(fileCodes[cause.code ?? ''] ?? 'file-error', `${path}: ${cause.message}`, {
    url: path,
    cause,
  });
}

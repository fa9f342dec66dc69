import { withoutControls } from '../../base/controls.ts';
import { isRecord } from '../descriptor.ts';
import { isAbort, OciError, type ErrorCode, type ErrorFacts } from '../errors.ts';

/** What node and undici call it → what it is. */
const networkCodes: Readonly<Record<string, ErrorCode>> = {
  ENOTFOUND: 'name-not-found',
  EAI_AGAIN: 'name-not-found',
  EAI_NODATA: 'name-not-found',
  ECONNREFUSED: 'unreachable',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EADDRNOTAVAIL: 'unreachable',
  ETIMEDOUT: 'timeout',
  TimeoutError: 'timeout',
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  UND_ERR_HEADERS_TIMEOUT: 'timeout',
  UND_ERR_BODY_TIMEOUT: 'timeout',
  ECONNRESET: 'connection-lost',
  EPIPE: 'connection-lost',
  UND_ERR_SOCKET: 'connection-lost',
  UND_ERR_CLOSED: 'connection-lost',
  UND_ERR_DESTROYED: 'connection-lost',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'connection-lost',
  UND_ERR_INVALID_ARG: 'internal',
  UND_ERR_HEADERS_OVERFLOW: 'not-a-registry',
  HTTPParserError: 'not-a-registry',
  ECONNABORTED: 'connection-lost',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'tls-untrusted',
  SELF_SIGNED_CERT_IN_CHAIN: 'tls-untrusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'tls-untrusted',
  UNABLE_TO_GET_ISSUER_CERT: 'tls-untrusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'tls-untrusted',
  CERT_UNTRUSTED: 'tls-untrusted',
  CERT_SIGNATURE_FAILURE: 'tls-untrusted',
  EPROTO: 'tls-invalid',
  ERR_SSL_WRONG_VERSION_NUMBER: 'plain-http-server',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'plain-http-server',
};

/** Every cause of an error, the outermost first; those of an AggregateError (one per address tried) too. */
function causes(error: unknown, depth = 0): readonly Error[] {
  if (!(error instanceof Error) || depth > 8) {
    return [];
  }
  const inner = error instanceof AggregateError ? (error.errors as readonly unknown[]) : [];
  return [error, ...[error.cause, ...inner].flatMap((cause) => causes(cause, depth + 1))];
}

/** By its code, else by its name. What has no code at all did not come from the network. */
function networkCode(error: Error): ErrorCode | undefined {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const known = [code, error.name].find((text) => text !== undefined && Object.hasOwn(networkCodes, text));
  if (known !== undefined) {
    return networkCodes[known];
  }
  return code !== undefined && /^(?:CERT_|ERR_TLS_|ERR_SSL_|ERR_OSSL_)/.test(code)
    ? 'tls-invalid'
    : undefined;
}

/** A failure below HTTP as a typed error; typed ones and aborts pass through as they are. */
export function networkError(error: unknown, facts: ErrorFacts): Error {
  const all = causes(error);
  const known = all.find((cause) => cause instanceof OciError || isAbort(cause));
  if (known) {
    return known;
  }
  const code = all.map(networkCode).find((found) => found !== undefined);
  const isOurs = !all.some((cause) => 'code' in cause && typeof cause.code === 'string');
  const said = all.map(({ message }) => reason(message)).filter((text) => text !== '');
  const isPlainHttp = said.some((text) => /wrong version number|packet length too long/i.test(text));
  return new OciError(
    isPlainHttp ? 'plain-http-server' : (code ?? (isOurs ? 'internal' : 'unreachable')),
    said.at(-1) ?? 'No connection',
    {
      ...facts,
      // That it speaks plain HTTP says all there is.
      detail: isPlainHttp ? '' : cleanDetail([...new Set(said)].join(': ')),
      cause: error,
    },
  );
}

/** What is for people of a message of OpenSSL (`…:error:…:routine:reason:file:line:`) and of node (advice for developers). */
function reason(message: string): string {
  return message
    .replace(/^[0-9A-F]+:error:[0-9A-F]+:[^:]*:[^:]*:([^:]*):.*$/s, '$1')
    .replace(/; if the root CA is installed locally.*$/s, '');
}

const statusCodes: Readonly<Record<number, ErrorCode>> = {
  401: 'unauthorized',
  403: 'denied',
  404: 'not-found',
  405: 'unsupported',
  408: 'timeout',
  413: 'too-large',
  429: 'rate-limited',
  501: 'unsupported',
};

/** What a registry says beside the status (distribution-spec, Error Codes) that says more than the status. */
const registryCodes: Readonly<Record<string, ErrorCode>> = {
  UNSUPPORTED: 'unsupported',
  DENIED: 'denied',
  TOOMANYREQUESTS: 'rate-limited',
  SIZE_INVALID: 'size-mismatch',
  DIGEST_INVALID: 'request-refused',
};

/** An answer that is no success, with what the registry says about it. */
export function statusError(
  status: number,
  body: string,
  facts: ErrorFacts,
  { isOwn = true, redact = (text: string) => text } = {},
): OciError {
  const errors = registryErrors(body);
  const first = errors[0];
  // Elsewhere than at the registry signing in does not help.
  const isAccount = !isOwn && (status === 401 || status === 403);
  const byStatus =
    (isAccount ? undefined : statusCodes[status]) ?? (status >= 500 ? 'server-error' : 'request-refused');
  // 401 and 404 are told apart by everything else; no code of the body may change them.
  const code =
    isOwn && (status === 400 || status === 403 || status >= 500)
      ? (registryCodes[first?.code ?? ''] ?? byStatus)
      : byStatus;
  const said =
    errors.length > 0
      ? errors.map((error) => `${error.code}: ${error.message}`).join('; ')
      : plainDetail(body);
  const detail = cleanDetail(redact(said));
  return new OciError(code, `${facts.method ?? ''} ${facts.url ?? ''}: ${status} ${detail}`.trim(), {
    ...facts,
    status,
    ...(detail === '' ? {} : { detail }),
  });
}

/** `code` of the first error, to tell a missing repository from a missing manifest. */
export function registryErrors(body: string): readonly { readonly code: string; readonly message: string }[] {
  try {
    const json: unknown = JSON.parse(body);
    const errors = isRecord(json) ? json['errors'] : undefined;
    return (Array.isArray(errors) ? errors.slice(0, 5) : []).filter(isRecord).map((error) => ({
      code: typeof error['code'] === 'string' ? error['code'] : '',
      message: typeof error['message'] === 'string' ? error['message'] : '',
    }));
  } catch {
    return [];
  }
}

/** Of a page of HTML its title: the rest explains nothing. */
function plainDetail(body: string): string {
  const text = body.trim();
  return text.startsWith('<') ? (/<title>([^<]{1,200})<\/title>/i.exec(text)?.[1]?.trim() ?? '') : text;
}

function cleanDetail(text: string): string {
  // What a server says must not move the cursor.
  return withoutControls(text.slice(0, 4096)).slice(0, 1000);
}

/** The same error with what is known of the request; what it knows itself stays. Others pass through as they are. */
export function withFacts(error: unknown, facts: ErrorFacts): unknown {
  return error instanceof OciError
    ? new OciError(error.code, error.message, { ...facts, ...error.facts })
    : error;
}

import { X509Certificate } from 'node:crypto';
import { isIP, type LookupFunction, type Socket } from 'node:net';
import {
  createSecureContext,
  getCACertificates,
  rootCertificates,
  TLSSocket,
  type SecureContext,
} from 'node:tls';
import type { buildConnector, Dispatcher } from 'undici';
import createConnector from 'undici/lib/core/connect.js';
import Agent from 'undici/lib/dispatcher/agent.js';
import Base from 'undici/lib/dispatcher/dispatcher.js';
import Pool from 'undici/lib/dispatcher/pool.js';
import type { HostCertificates } from './certsD.ts';
import { createGuard } from './guard.ts';
import type { Proxy, ProxyDecision } from './proxy.ts';
import { openTunnel } from './tunnel.ts';

export interface DispatcherOptions {
  /** Whose connections these are, a host as in a URL: nobody is led from it to where it is not itself. */
  readonly registry?: string | undefined;
  /** In place of the system's. */
  readonly lookup?: LookupFunction | undefined;
  /** PEM of the certificate the user trusts for a host, which stands as in a URL (`localhost:5000`, `example.com`). */
  readonly trusted?: ((host: string) => string | undefined) | undefined;
  /** True for a host, as in a URL, whose certificate need not verify; asked with every connection. */
  readonly insecure?: ((host: string) => boolean) | undefined;
  /** Authorities and client certificate of a host, which stands as in a URL; read with every connection. */
  readonly certificates?: ((host: string) => Promise<HostCertificates>) | undefined;
  /** The way to a target; asked once an origin. */
  readonly proxy?: ((target: URL) => ProxyDecision) | undefined;
  readonly timeouts?: Partial<Timeouts> | undefined;
}

/** Milliseconds. */
export interface Timeouts {
  /** Until there is a connection, with TLS. */
  readonly connect: number;
  /** Until the headers of an answer. */
  readonly headers: number;
  /** Between two pieces of a body; there is no limit to a whole transfer. */
  readonly body: number;
  /** Until a connection that carries nothing is closed; less where its server says so. */
  readonly idle: number;
}

const usual: Timeouts = { connect: 10_000, headers: 30_000, body: 60_000, idle: 30_000 };
/** Within one registry, each of 8 large contents takes two, one from and one to it; 32 small ones never wait for them. */
const connectionsPerOrigin = 2 * 8 + 32;

/** Connections of one registry: its own pools, proxies and certificates, apart from everything else in the process. */
export function createDispatcher(options: DispatcherOptions = {}): Dispatcher {
  const timeouts = { ...usual, ...options.timeouts };
  const decide = options.proxy ?? ((): ProxyDecision => ({ kind: 'direct', reason: 'none' }));
  const pools = new Set<Pool>();
  const agent = new Agent({
    connections: connectionsPerOrigin,
    headersTimeout: timeouts.headers,
    bodyTimeout: timeouts.body,
    keepAliveTimeout: timeouts.idle,
    allowH2: false,
    connect: connector(timeouts.connect, options, decide),
    factory: (origin, pool) => {
      const way = decide(new URL(origin));
      // With TLS the connection is a tunnel; without it, the proxy is asked for the whole URL.
      const made =
        way.kind === 'proxy' && new URL(origin).protocol === 'http:'
          ? new ForwardingPool(new URL(origin), way.proxy, pool, timeouts.connect)
          : new Pool(origin, pool);
      for (const old of [...pools].filter(({ destroyed }) => destroyed)) {
        pools.delete(old);
      }
      pools.add(made);
      return made;
    },
  });
  return new DestructibleAgent(agent, pools);
}

/** An agent that is closing forgets its pools (undici 8.12): what is under way there would outlive it. */
class DestructibleAgent extends Base {
  readonly #agent: Agent;
  readonly #pools: ReadonlySet<Pool>;

  constructor(agent: Agent, pools: ReadonlySet<Pool>) {
    super();
    this.#agent = agent;
    this.#pools = pools;
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    return this.#agent.dispatch(options, handler);
  }

  override close(): Promise<void> {
    return this.#agent.close();
  }

  override async destroy(): Promise<void> {
    await Promise.all([this.#agent.destroy(), ...[...this.#pools].map((pool) => pool.destroy())]);
  }
}

/** Plain HTTP by a proxy (RFC 9112, absolute-form). */
class ForwardingPool extends Pool {
  readonly #target: URL;
  readonly #proxy: Proxy;

  constructor(target: URL, proxy: Proxy, pool: object, timeout: number) {
    super(proxy.origin, { ...pool, connect: toProxy(proxy, timeout) });
    this.#target = target;
    this.#proxy = proxy;
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const { authorization, origin } = this.#proxy;
    const forwarded = {
      ...options,
      origin,
      path: `${this.#target.origin}${options.path}`,
      headers: {
        ...(options.headers as Readonly<Record<string, string>>),
        host: this.#target.host,
        ...(authorization === undefined ? {} : { 'proxy-authorization': authorization }),
      },
      // Else the name of the target would be looked for in the certificate of the proxy.
      servername: new URL(origin).hostname,
    };
    return super.dispatch(forwarded, handler);
  }
}

function toProxy(proxy: Proxy, timeout: number): buildConnector.connector {
  return createConnector({
    timeout,
    allowH2: false,
    secureContext: authorities(),
    rejectUnauthorized: proxy.strict,
  });
}

type Callback = Parameters<buildConnector.connector>[1];

/** Straight to the host, or through the tunnel of a proxy. */
function connector(
  timeout: number,
  options: DispatcherOptions,
  decide: (target: URL) => ProxyDecision,
): buildConnector.connector {
  const { registry } = options;
  const guard = registry === undefined ? undefined : createGuard(registry, options.lookup);
  const lookup = guard?.lookup ?? options.lookup;
  const secure = secureConnector(timeout, options, lookup);
  const plain = createConnector({ timeout, allowH2: false, ...(lookup ? { lookup } : {}) });
  /** Straight to a host. By a proxy, it is the proxy that looks it up. */
  const straight = (
    connect: buildConnector.connector,
    target: buildConnector.Options,
    callback: Callback,
  ): void => {
    if (!guard) {
      connect(target, callback);
      return;
    }
    const told: Callback = (...[error, socket]) => {
      if (error) {
        callback(error, null);
      } else {
        guard.reached(target.hostname, socket.remoteAddress ?? '');
        callback(null, socket);
      }
    };
    if (isIP(target.hostname.replace(/^\[|\]$/g, '')) !== 0) {
      guard.check(target.hostname).then(
        () => connect(target, told),
        (refused: unknown) => callback(refused as Error, null),
      );
    } else {
      connect(target, told);
    }
  };
  return (target, callback) => {
    if (target.protocol !== 'https:') {
      const way = decide(new URL(`http://${target.host ?? target.hostname}`));
      if (way.kind === 'invalid') {
        callback(noProxy(way.source), null);
      } else {
        straight(plain, target, callback);
      }
      return;
    }
    const host = target.host ?? target.hostname;
    const url = new URL(`https://${host}`);
    const way = decide(url);
    if (way.kind === 'invalid') {
      callback(noProxy(way.source), null);
    } else if (way.kind === 'direct') {
      straight(secure, target, callback);
    } else {
      tunnelTo(url, way.proxy, timeout).then(
        (httpSocket) => secure({ ...target, httpSocket }, callback),
        (refused: unknown) => callback(refused instanceof Error ? refused : new Error(String(refused)), null),
      );
    }
  };
}

/** A connection to the host of `target` by a proxy, before TLS is spoken over it. */
export function tunnelTo(
  target: URL,
  proxy: Proxy,
  timeout = usual.connect,
  signal?: AbortSignal,
): Promise<Socket> {
  const { hostname, host, protocol, port } = new URL(proxy.origin);
  const at = { hostname: hostname.replace(/^\[|\]$/g, ''), host, protocol, port };
  return new Promise((resolve, reject) => {
    toProxy(proxy, timeout)(at, (...[error, socket]) => {
      if (error) {
        reject(error);
      } else {
        resolve(openTunnel(socket, `${target.hostname}:${target.port || '443'}`, proxy, timeout, signal));
      }
    });
  });
}

export function noProxy(source: string): Error {
  return Object.assign(
    new Error(`${source} names no proxy that can be used: http://host:port or https://host:port`),
    {
      code: 'EPROXY',
    },
  );
}

const noCertificates: HostCertificates = { ca: [], files: [] };

/**
 * Verified by the usual authorities and those of the host; where that fails, exactly the certificate that is trusted for the
 * host will do, and no other.
 */
function secureConnector(
  timeout: number,
  options: DispatcherOptions,
  lookup: LookupFunction | undefined,
): buildConnector.connector {
  /** By host, with what it was made of: files may change while we run. */
  const made = new Map<string, { readonly of: string; readonly connect: buildConnector.connector }>();
  const connectorOf = (
    host: string,
    own: HostCertificates,
    pem: string | undefined,
    isInsecure: boolean,
  ): buildConnector.connector => {
    const isUsual = own.ca.length === 0 && !own.client && pem === undefined && !isInsecure;
    const key = isUsual ? '' : host;
    const of = isUsual ? '' : JSON.stringify([own.ca, own.client, pem, isInsecure]);
    const known = made.get(key);
    if (known?.of === of) {
      return known.connect;
    }
    const connect = createConnector({
      timeout,
      secureContext: secureContextOf(own),
      allowH2: false,
      ...(lookup ? { lookup } : {}),
      // A session is never taken up again: each connection shows its certificate.
      ...(pem === undefined && !isInsecure ? {} : { rejectUnauthorized: false, maxCachedSessions: 0 }),
    });
    made.set(key, { of, connect });
    return connect;
  };
  return (target, callback) => {
    const host = target.host ?? target.hostname;
    const start = (own: HostCertificates): void => {
      const pem = options.trusted?.(host);
      const isInsecure = pem === undefined && options.insecure?.(host) === true;
      connectorOf(host, own, pem, isInsecure)(target, pem === undefined ? callback : pinned(pem, callback));
    };
    (options.certificates?.(host) ?? Promise.resolve(noCertificates)).then(start).catch((error: unknown) => {
      callback(error instanceof Error ? error : new Error(String(error)), null);
    });
  };
}

function pinned(pem: string, callback: Callback): Callback {
  return (...[error, socket]) => {
    if (error) {
      callback(error, null);
    } else if (socket instanceof TLSSocket && (socket.authorized || showsExactly(socket, pem))) {
      callback(null, socket);
    } else {
      const code = String((socket as Partial<TLSSocket>).authorizationError ?? 'CERT_UNTRUSTED');
      socket.destroy();
      callback(Object.assign(new Error(`Another certificate than the trusted one: ${code}`), { code }), null);
    }
  };
}

/** What a host is verified by, and what it is shown. */
export function secureContextOf({ ca, client }: HostCertificates): SecureContext {
  return ca.length === 0 && !client
    ? authorities()
    : createSecureContext({ ca: [...usualPems(), ...ca], ...client });
}

function showsExactly(socket: TLSSocket, pem: string): boolean {
  const shown = socket.getPeerX509Certificate();
  try {
    return shown !== undefined && new X509Certificate(pem).raw.equals(shown.raw);
  } catch {
    // What is kept is no certificate.
    return false;
  }
}

let context: SecureContext | undefined;

/** Of all that need no more. Made once, by the first connection: reading them is slow. */
function authorities(): SecureContext {
  return (context ??= createSecureContext({ ca: usualPems() }));
}

function usualPems(): string[] {
  return [...new Set(allAuthorities().map(({ pem }) => pem))];
}

/** Certificates that vouch for others, and where they come from. */
export interface Authority {
  /** One or more. */
  readonly pem: string;
  readonly source: 'file' | 'system' | 'extra' | 'node';
  /** Of `file`. */
  readonly path: string;
}

/** All that a host may be verified by, those that were named for it first. */
export function authoritiesOf({ ca, files }: HostCertificates): readonly Authority[] {
  return [
    ...ca.map((pem, index): Authority => ({ pem, source: 'file', path: files[index] ?? '' })),
    ...allAuthorities(),
  ];
}

let all: readonly Authority[] | undefined;

/** Those of NODE_EXTRA_CA_CERTS, the system's, and node's roots. */
function allAuthorities(): readonly Authority[] {
  all ??= (['extra', 'system', 'node'] as const).flatMap((source) =>
    certificates(source).map((pem) => ({ pem, source, path: '' })),
  );
  return all;
}

function certificates(source: 'extra' | 'system' | 'node'): readonly string[] {
  try {
    return source === 'node' ? rootCertificates : getCACertificates(source);
  } catch {
    // A system without a store that can be read still has node's roots.
    return [];
  }
}

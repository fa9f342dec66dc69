import { BlockList, isIP } from 'node:net';
import { isLoopback } from '../reference.ts';

/** What the editor and the environment say of proxies. */
export interface ProxySettings {
  /** `http.proxySupport` is not `off`. */
  readonly isOn: boolean;
  /** `http.proxy`; goes before the environment. */
  readonly proxy?: string | undefined;
  /** `http.noProxy`; where it names none, the environment's list counts. */
  readonly noProxy?: readonly string[] | undefined;
  /** `http.proxyAuthorization`: the header as it is sent, to the proxy of `http.proxy` alone. */
  readonly authorization?: string | undefined;
  /** `http.proxyStrictSSL`: a proxy that is spoken to with TLS has to show a certificate that verifies. */
  readonly strict?: boolean | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Secret: the value of `Proxy-Authorization`. */
export interface Proxy {
  /** `http://proxy.example:3128`, never with a user or a password. */
  readonly origin: string;
  readonly authorization?: string | undefined;
  readonly strict: boolean;
  /** The setting or variable that names it. */
  readonly source: string;
}

export type ProxyDecision =
  | { readonly kind: 'proxy'; readonly proxy: Proxy }
  | { readonly kind: 'direct'; readonly reason: 'off' | 'none' | 'loopback' | 'listed' }
  /** Named, but no proxy that could be asked: going direct instead would pass what it was named for. */
  | { readonly kind: 'invalid'; readonly source: string };

/** Variables by the protocol of the target, the first that is set counts. */
const variables: Readonly<Record<string, readonly string[]>> = {
  'https:': ['https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY'],
  'http:': ['http_proxy', 'HTTP_PROXY', 'all_proxy', 'ALL_PROXY'],
};
const exceptions = ['no_proxy', 'NO_PROXY'];
/** Chromium's word for: loopback, too, by the proxy. */
const loopbackToo = '<-loopback>';

/** Which way a request goes. Loopback never leaves the machine, unless the exceptions list `<-loopback>`. */
export function proxyFor(target: URL, settings: ProxySettings): ProxyDecision {
  if (!settings.isOn) {
    return { kind: 'direct', reason: 'off' };
  }
  const [source, text] = named(target, settings);
  if (text === '') {
    return { kind: 'direct', reason: 'none' };
  }
  const except = exceptionsOf(settings);
  if (isLoopback(target.host) && !except.includes(loopbackToo)) {
    return { kind: 'direct', reason: 'loopback' };
  }
  if (except.some((entry) => matches(entry, target))) {
    return { kind: 'direct', reason: 'listed' };
  }
  const proxy = parseProxy(text, source, settings);
  return proxy ? { kind: 'proxy', proxy } : { kind: 'invalid', source };
}

function named(target: URL, { proxy, env }: ProxySettings): readonly [source: string, text: string] {
  const set = proxy?.trim() ?? '';
  if (set !== '') {
    return ['http.proxy', set];
  }
  const variable = variables[target.protocol]?.find((name) => (env[name]?.trim() ?? '') !== '');
  return variable === undefined ? ['', ''] : [variable, env[variable]?.trim() ?? ''];
}

function exceptionsOf({ noProxy, env }: ProxySettings): readonly string[] {
  const own = (noProxy ?? []).flatMap(entries);
  const variable = exceptions.find((name) => (env[name]?.trim() ?? '') !== '');
  return own.length > 0 ? own : entries(variable === undefined ? '' : (env[variable] ?? ''));
}

function entries(text: string): readonly string[] {
  return text
    .toLowerCase()
    .split(/[\s,;]+/)
    .filter((entry) => entry !== '');
}

/** `*`, `example.com` and all below it, `*.example.com`, `.example.com`, an address, a network; each but `*` and networks with a port or none. */
function matches(entry: string, target: URL): boolean {
  const hostname = bare(target.hostname);
  if (entry === '*') {
    return true;
  }
  const [network, bits, ...rest] = entry.split('/');
  if (network !== undefined && bits !== undefined) {
    return rest.length === 0 && isWithin(hostname, bare(network), bits);
  }
  const [, name = '', port] = /^(\[[^\]]*\]|[^:]*|[^:]*:[^:]*:.*?)(?::(\d+))?$/.exec(entry) ?? [];
  const whole = isIP(entry) === 6;
  if (!whole && port !== undefined && port !== (target.port || usualPort(target))) {
    return false;
  }
  const wanted = bare(whole ? entry : name).replace(/^\*?\./, '');
  if (wanted === '') {
    return false;
  }
  if (isIP(hostname) !== 0 || isIP(wanted) !== 0) {
    return sameAddress(hostname, wanted);
  }
  return hostname === wanted || hostname.endsWith(`.${wanted}`);
}

function sameAddress(one: string, other: string): boolean {
  const [version, second] = [isIP(one), isIP(other)];
  return version !== 0 && second !== 0 && isWithin(one, other, second === 4 ? '32' : '128');
}

function isWithin(address: string, network: string, bits: string): boolean {
  const [version, own] = [isIP(network), isIP(address)];
  const length = Number(bits);
  if (version === 0 || own === 0 || !/^\d{1,3}$/.test(bits) || length > (version === 4 ? 32 : 128)) {
    return false;
  }
  const list = new BlockList();
  list.addSubnet(network, length, version === 4 ? 'ipv4' : 'ipv6');
  return list.check(address, own === 4 ? 'ipv4' : 'ipv6');
}

function bare(hostname: string): string {
  return hostname
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
}

function usualPort({ protocol }: URL): string {
  return protocol === 'http:' ? '80' : '443';
}

function parseProxy(text: string, source: string, settings: ProxySettings): Proxy | undefined {
  const url = URL.parse(text.includes('://') ? text : `http://${text}`);
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.hostname === '') {
    return undefined;
  }
  const authorization =
    basicOf(url) ?? (source === 'http.proxy' ? headerOf(settings.authorization) : undefined);
  return {
    origin: url.origin,
    strict: settings.strict ?? true,
    source,
    ...(authorization === undefined ? {} : { authorization }),
  };
}

function basicOf({ username, password }: URL): string | undefined {
  return username === '' && password === ''
    ? undefined
    : `Basic ${Buffer.from(`${decoded(username)}:${decoded(password)}`).toString('base64')}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A header, and no more than one. */
function headerOf(text: string | undefined): string | undefined {
  return text !== undefined && /^[\x20-\x7e]{1,8192}$/.test(text) ? text : undefined;
}

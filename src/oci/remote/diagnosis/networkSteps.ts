import { lookup } from 'node:dns/promises';
import { connect, isIP } from 'node:net';
import { orAbort } from '../../../base/orAbort.ts';
import { isAbort } from '../../errors.ts';
import { noProxy } from '../dispatcher.ts';
import { networkError } from '../errors.ts';
import type { Fact } from './diagnosis.ts';
import { fact, factIf, say, type Result, type State } from './state.ts';
import { readTls, type ShownCertificate } from './tlsChain.ts';

/** Addresses that are tried, and milliseconds each may take. */
const maxAddresses = 8;
const patience = 10_000;
const maxNames = 20;

export async function lookUpName(state: State, signal: AbortSignal): Promise<Result> {
  const { target, options } = state;
  const hostname = bare(target.hostname);
  if (isIP(hostname) !== 0) {
    state.addresses = [hostname];
    return { facts: [fact('addresses', say('no-lookup', hostname))] };
  }
  try {
    state.addresses = await addressesOf(hostname, signal);
  } catch (error) {
    // Behind a proxy it is the proxy that has to know the name.
    if (options.way(target).kind !== 'proxy' || isAbort(error)) {
      throw error;
    }
    return { outcome: 'note', facts: [fact('addresses', say('resolved-by-proxy'))] };
  }
  return { facts: [fact('addresses', state.addresses.join(', '))] };
}

export function decideWay({ target, options }: State): Promise<Result> {
  const way = options.way(target);
  switch (way.kind) {
    case 'direct':
      return Promise.resolve({ facts: [fact('way', say(`direct-${way.reason}`))] });
    case 'proxy':
      return Promise.resolve({
        facts: [
          fact('way', way.proxy.origin),
          fact('namedBy', way.proxy.source),
          fact('proxySignIn', say(way.proxy.authorization === undefined ? 'no' : 'yes')),
        ],
      });
    case 'invalid':
      return Promise.resolve({ facts: [fact('namedBy', way.source)], error: noProxy(way.source) });
  }
}

/** To every address of the registry, or of the proxy before it; one that answers will do. */
export async function connectTo(state: State, signal: AbortSignal): Promise<Result> {
  const way = state.options.way(state.target);
  const to = way.kind === 'proxy' ? new URL(way.proxy.origin) : state.target;
  const addresses = way.kind === 'proxy' ? await addressesOf(bare(to.hostname), signal) : state.addresses;
  const port = Number(to.port || (to.protocol === 'https:' ? 443 : 80));
  const facts: Fact[] = [];
  let failure: unknown;
  let isConnected = false;
  for (const address of addresses) {
    const at = `${isIP(address) === 6 ? `[${address}]` : address}:${port}`;
    try {
      const milliseconds = await reach(address, port, signal);
      isConnected = true;
      facts.push(fact('tried', say('connected', at, Math.round(milliseconds))));
    } catch (error) {
      signal.throwIfAborted();
      failure ??= error;
      facts.push(fact('tried', say('not-connected', at, codeOf(error))));
    }
  }
  return { facts, ...(isConnected ? {} : { error: failure }) };
}

/** What the server shows, and who vouches for it; a certificate that nobody vouches for is shown as well. */
export async function readChain({ target, options, now }: State, signal: AbortSignal): Promise<Result> {
  if (target.protocol === 'http:') {
    return { outcome: 'note', facts: [fact('protocol', say('plain-http'))] };
  }
  const own = await options.certificates(target.host);
  const shown = await readTls(target, options.way(target), own, signal);
  const pem = options.trusted(target.host);
  const isPinned = shown.isChosen(pem);
  // As for every connection: where a certificate is trusted, no other will do.
  const insecureBy = pem === undefined ? options.insecureBy?.(target.host) : undefined;
  const isRefused = shown.error !== undefined && !isPinned;
  const { root } = shown;
  const authority =
    root === undefined
      ? isRefused && insecureBy !== undefined
        ? say('insecure-by', insecureBy)
        : say(isPinned ? 'trusted-by-you' : 'trusted-by-nobody')
      : root.source === 'file'
        ? say('trusted-by-file', root.subject, root.path)
        : say(`trusted-by-${root.source}`, root.subject);
  const facts = [
    fact('protocol', shown.protocol),
    ...shown.chain.flatMap((certificate, index) => certificateFacts(certificate, index === 0, now())),
    fact('trustedBy', authority),
    ...own.files.slice(own.ca.length).map((path) => fact('clientCertificate', path)),
  ];
  if (!isRefused) {
    return { facts };
  }
  return insecureBy === undefined ? { facts, error: shown.error } : { outcome: 'note', facts };
}

function certificateFacts(certificate: ShownCertificate, isFirst: boolean, now: number): readonly Fact[] {
  const { subject, issuer, validFrom, validTo, names, fingerprint } = certificate;
  const isValid = now >= Date.parse(validFrom) && now <= Date.parse(validTo);
  return [
    fact('certificate', subject),
    fact('issuer', issuer),
    fact(
      'valid',
      isValid ? say('valid', validFrom, validTo) : say('not-valid', validFrom, validTo, iso(now)),
    ),
    ...(isFirst ? factIf('names', names.slice(0, maxNames).join(', ')) : []),
    fact('fingerprint', fingerprint),
  ];
}

function iso(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

async function addressesOf(hostname: string, signal: AbortSignal): Promise<readonly string[]> {
  const found = await orAbort(lookup(hostname, { all: true }), signal);
  return [...new Set(found.map(({ address }) => address))].slice(0, maxAddresses);
}

/** Milliseconds it took. */
function reach(host: string, port: number, signal: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const socket = connect({ host, port, timeout: patience });
    const end = (error?: unknown): void => {
      signal.removeEventListener('abort', abort);
      socket.destroy();
      if (error === undefined) {
        resolve(performance.now() - start);
      } else {
        reject(error instanceof Error ? error : new Error('Aborted'));
      }
    };
    const abort = (): void => end(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    socket.once('connect', () => end());
    socket.once('error', end);
    socket.once('timeout', () => end(Object.assign(new Error('No answer in time'), { code: 'ETIMEDOUT' })));
  });
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : networkError(error, {}).message;
}

function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}

import type { HostCertificates } from '../certsD.ts';
import type { ProxyDecision } from '../proxy.ts';
import type { RemoteOptions, RemoteRegistry } from '../registry.ts';
import type { TokenExchange } from '../tokenService.ts';
import type { Fact, FactName, Saying, SayingId } from './diagnosis.ts';

export interface DiagnosisOptions extends Pick<
  RemoteOptions,
  'host' | 'scheme' | 'credentials' | 'dispatcher' | 'userAgent' | 'log'
> {
  /** What tags, referrers and deletes are asked of; by default the first of the catalog. */
  readonly repository?: string | undefined;
  readonly way: (target: URL) => ProxyDecision;
  /** Of a host as it stands in a URL. */
  readonly certificates: (host: string) => Promise<HostCertificates>;
  /** PEM of the certificate the user trusts for a host. */
  readonly trusted: (host: string) => string | undefined;
  /** The file of this machine that lets a host, as in a URL, be spoken to without TLS that verifies. */
  readonly insecureBy?: ((host: string) => string | undefined) | undefined;
  /** Milliseconds since the epoch. */
  readonly now?: (() => number) | undefined;
}

/** What one step finds for those behind it. */
export interface State {
  readonly options: DiagnosisOptions;
  readonly target: URL;
  /** Of the account, as everything else that is done with it. */
  readonly registry: RemoteRegistry;
  /** Tokens that were asked for in the step that runs. */
  readonly tokens: readonly TokenExchange[];
  readonly now: () => number;
  addresses: readonly string[];
  /** Milliseconds by which the clock of the registry is ahead of ours; undefined: it did not say. */
  ahead: number | undefined;
  repository: string | undefined;
  /** Tag to ask for referrers of. */
  tag: string | undefined;
}

export interface Result {
  /** By default `good`. */
  readonly outcome?: 'note' | 'skipped';
  readonly facts: readonly Fact[];
  /** Beside what was found until then. */
  readonly error?: unknown;
}

/** @throws what went wrong; aborts too */
export type StepRun = (state: State, signal: AbortSignal) => Promise<Result>;

export function fact(name: FactName, value: string | Saying): Fact {
  return { name, value };
}

export function say(id: SayingId, ...of: readonly (string | number)[]): Saying {
  return of.length === 0 ? { say: id } : { say: id, of: of.map(String) };
}

/** None where there is nothing to say. */
export function factIf(name: FactName, value: string | undefined): readonly Fact[] {
  return value === undefined || value === '' ? [] : [fact(name, value)];
}

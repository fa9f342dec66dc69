import { isAbort, OciError } from '../../errors.ts';
import { apiHost } from '../../reference.ts';
import { networkError } from '../errors.ts';
import { remoteRegistry } from '../registry.ts';
import { Secrets } from '../secrets.ts';
import type { TokenExchange } from '../tokenService.ts';
import { tokenFacts } from './accountSteps.ts';
import type { Diagnosis, Fact, Finding, StepId } from './diagnosis.ts';
import type { DiagnosisOptions, Result, State } from './state.ts';
import { steps, type Step } from './steps.ts';

/** Milliseconds one step may take. */
const patience = 30_000;

/**
 * Looks at the way to a registry, step by step; what fails does not keep the steps from being tried that can do without it.
 * @param onStep called before each
 * @throws an abort, and nothing else
 */
export async function diagnose(
  options: DiagnosisOptions,
  signal: AbortSignal,
  onStep?: (step: StepId, index: number, count: number) => void,
): Promise<Diagnosis> {
  const secrets = new Secrets();
  /** Names of people, which only a server's own words may hold. */
  const people = new Secrets();
  const tokens: TokenExchange[] = [];
  const credentials: typeof options.credentials = async (host, op) => {
    const found = await options.credentials(host, op);
    secrets.add(found);
    if (found?.kind === 'password') {
      people.add({ kind: 'identity-token', token: found.username, source: '' });
    }
    return found;
  };
  const target = new URL(`${options.scheme}://${apiHost(options.host)}`);
  const way = options.way(target);
  if (way.kind === 'proxy' && way.proxy.authorization !== undefined) {
    const token = way.proxy.authorization.replace(/^\S+\s+/, '');
    secrets.add({ kind: 'identity-token', token, source: '' });
  }
  const now = options.now ?? Date.now;
  const state: State = {
    options: { ...options, credentials },
    target,
    // One of its own, so that nothing that is known already hides what is asked.
    registry: remoteRegistry({ ...options, now, credentials, onToken: (exchange) => tokens.push(exchange) }),
    tokens,
    now,
    addresses: [],
    ahead: undefined,
    repository: options.repository,
    tag: undefined,
  };
  const findings: Finding[] = [];
  for (const [index, step] of steps.entries()) {
    signal.throwIfAborted();
    onStep?.(step.id, index, steps.length);
    tokens.length = 0;
    findings.push(await take(step, findings, state, signal));
  }
  // Not before the end: the first answers may hold what is only known since.
  const clean = (finding: Finding): Finding => redacted(finding, secrets, people);
  return {
    host: options.host,
    origin: target.origin,
    repository: options.repository,
    findings: findings.map(clean),
  };
}

async function take(
  { id, needs, run }: Step,
  before: readonly Finding[],
  state: State,
  signal: AbortSignal,
): Promise<Finding> {
  const missing = before.find(({ step, outcome }) => needs.includes(step) && isEnd(outcome));
  if (missing) {
    return { step: id, outcome: 'skipped', because: rootOf(missing), facts: [] };
  }
  let result: Result;
  try {
    result = await run(state, AbortSignal.any([signal, AbortSignal.timeout(patience)]));
  } catch (error) {
    signal.throwIfAborted();
    result = { facts: [], error };
  }
  const facts = [...result.facts, ...tokenFacts(state.tokens)];
  return result.error === undefined
    ? { step: id, outcome: result.outcome ?? 'good', facts }
    : { step: id, outcome: 'failed', facts, error: typed(result.error, state) };
}

function isEnd(outcome: Finding['outcome']): boolean {
  return outcome === 'failed' || outcome === 'skipped';
}

function rootOf(finding: Finding): StepId {
  return finding.outcome === 'skipped' && finding.because !== undefined ? finding.because : finding.step;
}

function typed(error: unknown, { options, target }: State): OciError {
  const found = networkError(error, { host: options.host, url: target.origin });
  if (found instanceof OciError) {
    return found;
  }
  // The signal of the step alone: it took too long.
  return new OciError(isAbort(found) ? 'timeout' : 'internal', found.message, { host: options.host });
}

/** Whatever a server says may be what it was told. */
function redacted(finding: Finding, secrets: Secrets, people: Secrets): Finding {
  const facts = finding.facts.map(({ name, value }): Fact => ({
    name,
    value:
      typeof value === 'string'
        ? secrets.redact(value)
        : { ...value, ...(value.of ? { of: value.of.map((part) => secrets.redact(part)) } : {}) },
  }));
  if (finding.outcome !== 'failed') {
    return { ...finding, facts };
  }
  const { code, message, facts: about } = finding.error;
  const said = (text: string): string => people.redact(secrets.redact(text));
  const { detail, host, url, status, retryAfter, realm } = about;
  return {
    ...finding,
    facts,
    error: new OciError(code, said(message), {
      ...(host === undefined ? {} : { host }),
      ...(url === undefined ? {} : { url: secrets.redact(url) }),
      ...(status === undefined ? {} : { status }),
      ...(retryAfter === undefined ? {} : { retryAfter }),
      ...(realm === undefined ? {} : { realm }),
      ...(detail === undefined ? {} : { detail: said(detail) }),
    }),
  };
}

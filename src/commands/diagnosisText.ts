import { homedir } from 'node:os';
import { l10n } from 'vscode';
import { errorText } from '../host/errorText.ts';
import { plainText } from '../host/plainText.ts';
import type {
  Diagnosis,
  Fact,
  FactName,
  Finding,
  Saying,
  SayingId,
  StepId,
} from '../oci/remote/diagnosis/diagnosis.ts';

export interface Surroundings {
  /** ISO 8601. */
  readonly when: string;
  /** Of this extension, the editor, node and the system, as they call themselves. */
  readonly versions: readonly string[];
}

/** A diagnosis as Markdown that reads well as it stands, and in which nothing of a server is anything but text. */
export function diagnosisText(
  { host, origin, repository, findings }: Diagnosis,
  { when, versions }: Surroundings,
): string {
  return [
    `# ${l10n.t('Connection to {0}', code(host))}`,
    '',
    `- ${l10n.t('API: {0}', code(origin))}`,
    ...(repository === undefined ? [] : [`- ${l10n.t('Repository: {0}', code(repository))}`]),
    `- ${l10n.t('Made: {0}', when)}`,
    `- ${l10n.t('With: {0}', versions.map((text) => plainText(text, 100)).join(', '))}`,
    '',
    l10n.t('No password, no token and no user name stands in this text.'),
    '',
    `## ${l10n.t('Summary')}`,
    '',
    ...findings.map(
      (finding) => `- ${signs[finding.outcome]} ${stepName(finding.step)}${summaryOf(finding)}`,
    ),
    ...findings.flatMap(sectionOf),
    '',
  ].join('\n');
}

const signs: Readonly<Record<Finding['outcome'], string>> = {
  good: '✓',
  note: '!',
  failed: '✗',
  skipped: '–',
};

export function stepName(step: StepId): string {
  return stepNames[step]();
}

function summaryOf(finding: Finding): string {
  if (finding.outcome === 'failed') {
    return `: ${lineText(errorText(finding.error).message)}`;
  }
  if (finding.outcome === 'skipped' && finding.because !== undefined) {
    return `: ${l10n.t('not asked, as this failed: {0}', stepName(finding.because))}`;
  }
  const [first] = finding.facts;
  return finding.outcome === 'good' || first === undefined ? '' : `: ${valueText(first)}`;
}

function sectionOf(finding: Finding): readonly string[] {
  if (finding.outcome === 'skipped') {
    return [];
  }
  return [
    '',
    `## ${stepName(finding.step)} ${signs[finding.outcome]}`,
    '',
    ...finding.facts.map((fact) => `- ${factNames[fact.name]()}: ${valueText(fact)}`),
    ...(finding.outcome === 'failed'
      ? [
          `- ${l10n.t('What happened, and what to do')}: ${lineText(errorText(finding.error).message)}`,
          `- ${l10n.t('Code')}: ${code(finding.error.code)}`,
        ]
      : []),
  ];
}

function valueText({ value }: Fact): string {
  return typeof value === 'string' ? word(value) : sayingText(value);
}

function sayingText({ say, of = [] }: Saying): string {
  const [first = '', second = '', third = ''] = of.map(word);
  return sayings[say](first, second, third);
}

/** Numbers are ours and read as they are. */
function word(text: string): string {
  return /^-?\d{1,15}(?:\.\d{1,6})?$/.test(text) ? text : code(text);
}

/** As a span of code, in which Markdown reads nothing, and which no text can end early. */
function code(text: string): string {
  const plain = plainText(withoutHome(text), 600).replaceAll('`', '′');
  return plain === '' ? '``' : `\`${plain}\``;
}

/** Sentences of ours with names of servers in them. */
function lineText(text: string): string {
  return plainText(withoutHome(text), 1000).replace(/[\\<>[\]`*_]/g, '\\$&');
}

/** The name of a person stands in the path of their folder. */
function withoutHome(text: string): string {
  const home = homedir();
  return home.length > 1 ? text.replaceAll(home, '~') : text;
}

const stepNames: Readonly<Record<StepId, () => string>> = {
  name: () => l10n.t('Name resolution'),
  proxy: () => l10n.t('Proxy'),
  connection: () => l10n.t('Connection'),
  tls: () => 'TLS',
  api: () => l10n.t('API'),
  clock: () => l10n.t('Clock'),
  account: () => l10n.t('Account'),
  authorization: () => l10n.t('Sign-in'),
  catalog: () => l10n.t('List of repositories'),
  tags: () => l10n.t('List of tags'),
  referrers: () => l10n.t('Referrers'),
  deletes: () => l10n.t('Deletes'),
};

const factNames: Readonly<Record<FactName, () => string>> = {
  addresses: () => l10n.t('Addresses'),
  way: () => l10n.t('Way'),
  namedBy: () => l10n.t('Named by'),
  proxySignIn: () => l10n.t('Sign-in of the proxy is known'),
  tried: () => l10n.t('Tried'),
  protocol: () => l10n.t('Protocol'),
  certificate: () => l10n.t('Certificate'),
  issuer: () => l10n.t('Issued by'),
  valid: () => l10n.t('Valid'),
  names: () => l10n.t('For'),
  fingerprint: () => 'SHA-256',
  trustedBy: () => l10n.t('Trusted by'),
  clientCertificate: () => l10n.t('Shown by this machine'),
  status: () => l10n.t('Status'),
  server: () => l10n.t('Server'),
  version: () => l10n.t('API version'),
  challenge: () => l10n.t('Challenge'),
  realm: () => l10n.t('Token service'),
  account: () => l10n.t('Account from'),
  kind: () => l10n.t('Kind'),
  told: () => l10n.t('Account told'),
  asked: () => l10n.t('Scopes asked'),
  granted: () => l10n.t('Scopes granted'),
  life: () => l10n.t('Token used for'),
  difference: () => l10n.t('Difference'),
  repository: () => l10n.t('Repository'),
  page: () => l10n.t('Page'),
  digest: () => l10n.t('Digest'),
  support: () => l10n.t('Support'),
  level: () => l10n.t('API level'),
  limit: () => l10n.t('Limit'),
};

const sayings: Readonly<Record<SayingId, (first: string, second: string, third: string) => string>> = {
  'direct-off': () => l10n.t('direct, as http.proxySupport is off'),
  'direct-none': () => l10n.t('direct, as no proxy is named by http.proxy or the environment'),
  'direct-loopback': () => l10n.t('direct, as it is on this machine'),
  'direct-listed': () => l10n.t('direct, as http.noProxy or NO_PROXY lists it'),
  'resolved-by-proxy': () => l10n.t('not known here; the proxy has to know it'),
  'no-lookup': (address) => l10n.t('{0}, an address: nothing to look up', address),
  yes: () => l10n.t('yes'),
  no: () => l10n.t('no'),
  connected: (at, milliseconds) => l10n.t('{0} answers after {1} ms', at, milliseconds),
  'not-connected': (at, problem) => l10n.t('{0} does not answer: {1}', at, problem),
  'plain-http': () => l10n.t('plain HTTP: everything, passwords too, can be read on the way'),
  valid: (from, to) => l10n.t('from {0} to {1}', from, to),
  'not-valid': (from, to, now) =>
    l10n.t('from {0} to {1}, but the clock of this machine says {2}', from, to, now),
  'trusted-by-you': () => l10n.t('you: this certificate was trusted with Trust Certificate'),
  'trusted-by-file': (subject, path) => l10n.t('{0} of the file {1}', subject, path),
  'trusted-by-system': (subject) => l10n.t('{0} of the system', subject),
  'trusted-by-extra': (subject) => l10n.t('{0} of NODE_EXTRA_CA_CERTS', subject),
  'trusted-by-node': (subject) => l10n.t('{0} of the editor itself', subject),
  'trusted-by-nobody': () =>
    l10n.t('nobody. Name its authority in ociExplorer.certificates or a folder of certs.d'),
  'insecure-by': (path) =>
    l10n.t('nobody, and {0} lets that pass: passwords may be read by who stands between', path),
  'no-challenge': () => l10n.t('none: nobody is asked who they are'),
  'no-account': () => l10n.t('none: no source has one for this host'),
  password: () => l10n.t('user name and password'),
  'identity-token': () => l10n.t('identity token'),
  'registry-token': () => l10n.t('registry token'),
  'account-sent': () => l10n.t('yes'),
  'account-withheld': () =>
    l10n.t('no: it is another host than the registry, and nobody agreed to it. Sign in to do so'),
  'account-none': () => l10n.t('no: there is none'),
  'no-scope': () => l10n.t('none'),
  'not-said': () => l10n.t('the token does not say'),
  seconds: (count) => l10n.t('{0} s', count),
  'clock-right': (seconds) => l10n.t('{0} s', seconds),
  'clock-behind': (seconds) =>
    l10n.t(
      'this machine is {0} s behind the registry: set its clock, or tokens and certificates fail',
      seconds,
    ),
  'clock-ahead': (seconds) =>
    l10n.t(
      'this machine is {0} s ahead of the registry: set its clock, or tokens and certificates fail',
      seconds,
    ),
  'no-date': () => l10n.t('the registry does not say what time it is'),
  'page-more': (asked, given) => l10n.t('{0} asked, {1} given, and more behind a link', asked, given),
  'page-all': (asked, given) => l10n.t('{0} asked, {1} given', asked, given),
  'page-refused': (asked, status) => l10n.t('{0} asked, refused with status {1}', asked, status),
  'no-catalog': () => l10n.t('it does not list its repositories: pin those you need'),
  'catalog-denied': () => l10n.t('not for you: pin the repositories you need'),
  'referrers-api': () => l10n.t('by the API'),
  'referrers-tag': () => l10n.t('no API: by the tag that stands for it'),
  'level-1-1': () => 'OCI distribution 1.1',
  'level-1-0': () => 'OCI distribution 1.0',
  'deletes-yes': () => l10n.t('yes: what is not there was looked for'),
  'deletes-no': () => l10n.t('no'),
  'deletes-denied': () => l10n.t('not for you'),
  'no-repository': () => l10n.t('none to ask of: run this on a repository'),
  'no-tag': () => l10n.t('none to ask of: there is no tag'),
};

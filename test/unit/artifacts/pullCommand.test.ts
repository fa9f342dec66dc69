import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { identify } from '../../../src/artifacts/identify.ts';
import { pullCommand, type PullTarget } from '../../../src/artifacts/pullCommand.ts';
import { createTable, typeRows } from '../../../src/artifacts/table.ts';
import type { ArtifactType } from '../../../src/artifacts/type.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { descriptorOf, fixtures } from './fixtures.ts';

const digest = digestOf(Buffer.from('x'));
const hex = digest.slice('sha256:'.length);

const target = {
  kind: 'remote',
  registry: 'ghcr.io',
  repository: 'acme/app',
  tag: '1.2.3',
  digest,
  plainHttp: false,
} as const satisfies PullTarget;

function typeOf(id: string, title?: string): ArtifactType {
  const cases = fixtures.find((fixture) => fixture.id === id)?.cases ?? [];
  const item = cases.find((one) => title === undefined || one.title === title);
  assert.ok(item, `${id} ${title}`);
  return identify(item.manifest, descriptorOf(item), item);
}

const byDigest = { tag: undefined } as const;
const http = { registry: 'localhost:5000', plainHttp: true } as const;

/** Type, what differs from `target`, the command. */
const commands: readonly (readonly [string, Partial<PullTarget>, string])[] = [
  ['oci-image', {}, 'docker pull ghcr.io/acme/app:1.2.3'],
  ['oci-image', byDigest, `docker pull ghcr.io/acme/app@${digest}`],
  ['oci-image', http, 'docker pull localhost:5000/acme/app:1.2.3'],
  ['docker-schema1', {}, 'skopeo copy docker://ghcr.io/acme/app:1.2.3 dir:out'],
  [
    'docker-schema1',
    http,
    'skopeo copy docker://localhost:5000/acme/app:1.2.3 dir:out --src-tls-verify=false',
  ],
  ['helm-chart', {}, 'helm pull oci://ghcr.io/acme/app --version 1.2.3'],
  [
    'helm-chart',
    { tag: '1.2.3-rc.1_build.7' },
    'helm pull oci://ghcr.io/acme/app --version 1.2.3-rc.1+build.7',
  ],
  ['helm-chart', http, 'helm pull oci://localhost:5000/acme/app --version 1.2.3 --plain-http'],
  ['helm-chart', { tag: 'latest' }, 'oras pull ghcr.io/acme/app:latest'],
  ['helm-chart', byDigest, `oras pull ghcr.io/acme/app@${digest}`],
  ['cosign-signature', {}, 'oras pull ghcr.io/acme/app:1.2.3'],
  ['cosign-signature', { subject: digest }, `cosign download signature ghcr.io/acme/app@${digest}`],
  ['cosign-signature', { tag: `sha256-${hex}.sig` }, `cosign download signature ghcr.io/acme/app@${digest}`],
  [
    'cosign-attestation',
    { ...byDigest, subject: digest },
    `cosign download attestation ghcr.io/acme/app@${digest}`,
  ],
  [
    'cosign-sbom',
    { ...byDigest, ...http, subject: digest },
    `cosign download sbom localhost:5000/acme/app@${digest} --allow-http-registry`,
  ],
  [
    'slsa-provenance',
    { ...byDigest, subject: digest },
    `cosign download attestation --predicate-type https://slsa.dev/provenance/v1 ghcr.io/acme/app@${digest}`,
  ],
  [
    'buildkit-attestation',
    { ...byDigest, subject: digest },
    `docker buildx imagetools inspect ghcr.io/acme/app@${digest} --format '{{json .Provenance}}'`,
  ],
  ['referrers-tag-index', { tag: `sha256-${hex}` }, `oras discover ghcr.io/acme/app@${digest}`],
  ['referrers-tag-index', { tag: `sha512-${hex}` }, `oras pull ghcr.io/acme/app:sha512-${hex}`],
  ['wasm-component', {}, 'wkg oci pull ghcr.io/acme/app:1.2.3'],
  ['spin-app', {}, 'spin registry pull ghcr.io/acme/app:1.2.3'],
  ['flux-artifact', {}, 'flux pull artifact oci://ghcr.io/acme/app:1.2.3 --output ./out'],
  ['powershell-package', {}, 'Install-PSResource -Name app -Repository ghcr.io'],
  ['lume-vm', byDigest, `oras pull ghcr.io/acme/app@${digest}`],
  ['fleet-bundle', http, 'oras pull localhost:5000/acme/app:1.2.3 --plain-http'],
  [
    'helm-chart',
    { kind: 'local', registry: '/home/me/oci' },
    'oras pull --oci-layout /home/me/oci/acme/app:1.2.3',
  ],
  [
    'oci-image',
    { kind: 'layout', registry: '/home/me/my images', ...byDigest },
    `oras pull --oci-layout '/home/me/my images@${digest}'`,
  ],
];

describe('pullCommand', () => {
  for (const [id, differs, command] of commands) {
    it(command, () => {
      assert.equal(pullCommand(typeOf(id), { ...target, ...differs }), command);
    });
  }

  it('is oras for what no row knows', () => {
    assert.equal(pullCommand(identify({}), target), 'oras pull ghcr.io/acme/app:1.2.3');
  });

  it('is one line without a placeholder for every type', () => {
    for (const { id, category } of typeRows) {
      const type = typeOf(id);
      for (const differs of [{}, byDigest, { subject: digest }, { tag: `sha256-${hex}.sig` }]) {
        const command = pullCommand({ ...type, category: category ?? 'other' }, { ...target, ...differs });
        assert.match(command, /^[\w-]+ [ -~]+$/, id);
        assert.doesNotMatch(command, /\{\w+\}|undefined/, id);
      }
    }
  });

  it('keeps hostile text one word for the shell', () => {
    const hostile = [
      "it's",
      '$(touch x)',
      '`id`',
      'a b',
      '"',
      '\\',
      '\n',
      ';',
      '*',
      '~',
      '#',
      '!x',
      '&&',
      '>',
      '|',
      '{a,b}',
      'ü',
    ];
    const table = createTable([
      {
        id: 'helm-chart',
        name: 'Chart',
        match: { artifactType: 'a/b' },
        pull: 'helm pull oci://{repo} {tag} {predicate}',
      },
    ]);
    for (const text of hostile) {
      const type = {
        ...typeOf('helm-chart'),
        evidence: [{ field: 'annotations["predicateType"]', value: text }],
      };
      const here = { ...target, registry: text, repository: text, tag: text };
      const command = pullCommand(type, here, table);
      assert.deepEqual(wordsOf(command), ['helm', 'pull', `oci://${text}/${text}`, text, text]);
      const local = pullCommand(type, { ...here, kind: 'local' });
      assert.deepEqual(wordsOf(local), ['oras', 'pull', '--oci-layout', `${text}/${text}:${text}`]);
    }
  });
});

/** As `sh` takes them apart. */
function wordsOf(command: string): readonly string[] {
  const script = `set -- ${command}\nprintf '%s\\0' "$@"`;
  return execFileSync('sh', ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1);
}

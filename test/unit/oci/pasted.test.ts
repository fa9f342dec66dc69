import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isOciError } from '../../../src/oci/errors.ts';
import { parsePasted } from '../../../src/oci/pasted.ts';
import { parseReference, referenceText, type Pasted } from '../../../src/oci/reference.ts';
import { quick } from '../../support/quick.ts';

const sha = `sha256:${'a'.repeat(64)}`;

/** What is pasted → registry, repository, `:tag` or `@digest`, scheme. */
const rows: readonly (readonly (string | undefined)[])[] = [
  ['localhost', 'localhost'],
  ['localhost:5000', 'localhost:5000'],
  ['LOCALHOST:5000', 'localhost:5000'],
  ['127.0.0.1:5000', '127.0.0.1:5000'],
  ['127.0.0.1', '127.0.0.1'],
  ['[::1]:5000', '[::1]:5000'],
  ['http://[::1]:5000/v2/', '[::1]:5000', undefined, undefined, 'http'],
  ['registry.example.com', 'registry.example.com'],
  ['Registry.Example.com', 'registry.example.com'],
  ['registry.example.com/', 'registry.example.com'],
  ['registry.example.com/v2/', 'registry.example.com'],
  ['registry.example.com/v2', 'registry.example.com'],
  ['http://localhost:5000', 'localhost:5000', undefined, undefined, 'http'],
  ['https://registry.example.com/', 'registry.example.com', undefined, undefined, 'https'],
  ['https://registry.example.com/v2/', 'registry.example.com', undefined, undefined, 'https'],
  ['https://registry.example.com/v2/_catalog', 'registry.example.com', undefined, undefined, 'https'],
  [
    'https://registry.example.com/v2/team/app/tags/list',
    'registry.example.com',
    'team/app',
    undefined,
    'https',
  ],
  [
    'https://registry.example.com/v2/team/app/tags/list?n=10',
    'registry.example.com',
    'team/app',
    undefined,
    'https',
  ],
  [
    'https://registry.example.com/v2/team/app/manifests/1.2',
    'registry.example.com',
    'team/app',
    ':1.2',
    'https',
  ],
  [
    `https://registry.example.com/v2/team/app/manifests/${sha}`,
    'registry.example.com',
    'team/app',
    `@${sha}`,
    'https',
  ],
  [
    `https://registry.example.com/v2/team/app/blobs/${sha}`,
    'registry.example.com',
    'team/app',
    undefined,
    'https',
  ],
  [
    'https://user:secret@registry.example.com/team/app',
    'registry.example.com',
    'team/app',
    undefined,
    'https',
  ],
  ['http://myhost/team/app:1', 'myhost', 'team/app', ':1', 'http'],
  ['registry.example.com/team/app', 'registry.example.com', 'team/app'],
  ['registry.example.com/team/app:1.2', 'registry.example.com', 'team/app', ':1.2'],
  [`registry.example.com/team/app@${sha}`, 'registry.example.com', 'team/app', `@${sha}`],
  [`registry.example.com/team/app:1.2@${sha}`, 'registry.example.com', 'team/app', `:1.2@${sha}`],
  ['localhost:5000/app:v1', 'localhost:5000', 'app', ':v1'],
  ['localhost/app', 'localhost', 'app'],
  ['[::1]:5000/app:v1', '[::1]:5000', 'app', ':v1'],
  ['oci://registry.example.com/charts/web', 'registry.example.com', 'charts/web'],
  ['docker://alpine:3.20', 'docker.io', 'library/alpine', ':3.20'],
  ['docker pull alpine', 'docker.io', 'library/alpine'],
  ['docker pull alpine:3.20', 'docker.io', 'library/alpine', ':3.20'],
  ['docker pull bitnami/redis', 'docker.io', 'bitnami/redis'],
  ['docker pull index.docker.io/library/alpine', 'docker.io', 'library/alpine'],
  ['docker.io/alpine', 'docker.io', 'library/alpine'],
  ['docker.io', 'docker.io'],
  ['$ docker pull ghcr.io/x/y:1', 'ghcr.io', 'x/y', ':1'],
  ['sudo docker pull --platform linux/arm64 ghcr.io/x/y:1', 'ghcr.io', 'x/y', ':1'],
  ['docker pull --platform=linux/arm64 ghcr.io/x/y', 'ghcr.io', 'x/y'],
  ['podman pull quay.io/podman/hello', 'quay.io', 'podman/hello'],
  ['docker login ghcr.io -u me', 'ghcr.io'],
  ['docker login -u me registry.example.com:8443', 'registry.example.com:8443'],
  ['oras pull localhost:5000/hello:v1', 'localhost:5000', 'hello', ':v1'],
  ['oras pull -o out localhost:5000/hello:v1', 'localhost:5000', 'hello', ':v1'],
  ['oras pull --plain-http localhost:5000/hello:v1 -o ./out.d', 'localhost:5000', 'hello', ':v1'],
  [`oras manifest fetch localhost:5000/hello@${sha}`, 'localhost:5000', 'hello', `@${sha}`],
  ['helm pull oci://ghcr.io/org/charts/web --version 1.2.3', 'ghcr.io', 'org/charts/web', ':1.2.3'],
  [
    'helm pull oci://ghcr.io/org/charts/web --version=1.2.3+build.5',
    'ghcr.io',
    'org/charts/web',
    ':1.2.3_build.5',
  ],
  ['helm install web oci://ghcr.io/org/charts/web', 'ghcr.io', 'org/charts/web'],
  ['crane manifest ghcr.io/x/y:1 | jq .', 'ghcr.io', 'x/y', ':1'],
  ['skopeo inspect docker://quay.io/x/y:1', 'quay.io', 'x/y', ':1'],
  ['regctl manifest get ghcr.io/x/y', 'ghcr.io', 'x/y'],
  ['"ghcr.io/x/y:1"', 'ghcr.io', 'x/y', ':1'],
  ["'ghcr.io/x/y:1',", 'ghcr.io', 'x/y', ':1'],
  ['FROM ghcr.io/x/y:1', 'ghcr.io', 'x/y', ':1'],
  ['image: ghcr.io/x/y:1', 'ghcr.io', 'x/y', ':1'],
  ['https://hub.docker.com/r/bitnami/redis/tags', 'docker.io', 'bitnami/redis', undefined, 'https'],
  ['https://hub.docker.com/_/alpine', 'docker.io', 'library/alpine', undefined, 'https'],
  ['https://quay.io/repository/podman/hello?tab=tags', 'quay.io', 'podman/hello', undefined, 'https'],
  [
    'https://github.com/orgs/Org/packages/container/package/app%2Fweb',
    'ghcr.io',
    'org/app/web',
    undefined,
    'https',
  ],
  ['https://github.com/Org/repo/pkgs/container/app', 'ghcr.io', 'org/app', undefined, 'https'],
  ['  registry.example.com \n', 'registry.example.com'],
  ['bitnami/redis', 'docker.io', 'bitnami/redis'],
];

const refused = [
  '',
  ' ',
  '/',
  'host name',
  'http://',
  'https:///x',
  'ghcr.io/UPPER/y',
  'ghcr.io/x:',
  'ghcr.io/x@sha256:12',
  'ghcr.io/../x',
  'ghcr.io:99999',
  '\u0000',
  'a'.repeat(5000),
  '$(id)/x',
  'ghcr.io/x:-flag',
  'docker pull',
];

function text(pasted: Pasted): string {
  return (pasted.tag ? `:${pasted.tag}` : '') + (pasted.digest ? `@${pasted.digest}` : '');
}

describe('parsePasted', () => {
  for (const [pasted = '', registry, repository, ref, scheme] of rows) {
    it(`reads ${JSON.stringify(pasted)}`, () => {
      const found = parsePasted(pasted);
      assert.deepEqual(
        [found.registry, found.repository, text(found), found.scheme],
        [registry, repository, ref ?? '', scheme],
      );
    });
  }
  for (const pasted of refused) {
    it(`refuses ${JSON.stringify(pasted.slice(0, 30))}`, () => {
      assert.throws(
        () => parsePasted(pasted),
        (error) => isOciError(error, 'reference-invalid'),
      );
    });
  }
  it('is done with hostile text at once', () => {
    for (const piece of ['a/', 'a:', 'a@', '<', '"', '-- ', 'a.']) {
      quick(100, piece, () => {
        try {
          parsePasted(piece.repeat(2000));
        } catch {
          // Refused is fine; slow is not.
        }
      });
    }
  });
});

describe('parseReference', () => {
  it('writes back what it read', () => {
    for (const reference of ['ghcr.io/x/y:1', `localhost:5000/x@${sha}`, `[::1]:5000/x/y:1@${sha}`]) {
      assert.equal(referenceText(parseReference(reference)), reference);
    }
  });
  it('needs a repository', () => {
    assert.throws(
      () => parseReference('localhost:5000'),
      (error) => isOciError(error, 'reference-invalid'),
    );
  });
});

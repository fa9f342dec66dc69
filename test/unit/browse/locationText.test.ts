import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Location } from '../../../src/browse/location.ts';
import {
  contentName,
  isJson,
  locationParts,
  parseLocation,
  parseLocationParts,
  titleOf,
} from '../../../src/browse/locationText.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { MediaType } from '../../../src/oci/mediaTypes.ts';

const digest = digestOf(new TextEncoder().encode('{}'));
const manifest: Location = {
  place: 'localhost:5000#work',
  repository: 'team/app',
  kind: 'manifest',
  digest,
  size: 712,
  mediaType: MediaType.manifest,
  tag: '1.4.2',
  form: 'original',
};

const untagged: Location = {
  place: 'local',
  repository: 'app',
  kind: 'manifest',
  digest,
  size: 712,
  mediaType: MediaType.manifest,
  form: 'original',
};

const unsized: Location = {
  place: 'local',
  repository: 'app',
  kind: 'blob',
  digest,
  mediaType: '',
  form: 'original',
};

describe('locationParts', () => {
  it('shows where the document is from, and its title last', () => {
    assert.equal(locationParts(manifest).path, '/localhost:5000#work/team/app:1.4.2 › manifest');
    const layout = { ...manifest, place: 'layout:/home/me/out/' };
    assert.equal(locationParts(layout).path, '/out/team/app:1.4.2 › manifest');
  });

  it('comes back as it was', () => {
    const locations: readonly Location[] = [
      manifest,
      untagged,
      { ...manifest, kind: 'index', mediaType: MediaType.index, form: 'formatted' },
      { ...manifest, accept: MediaType.dockerSchema1Signed },
      { ...manifest, kind: 'blob', mediaType: '' },
      { ...manifest, kind: 'blob', name: 'Zwölf & {mehr}?.txt' },
      unsized,
      { ...manifest, place: 'layout:C:\\Users\\me\\out' },
      { ...manifest, place: 'ghcr.io#Zwölf & {mehr}?' },
    ];
    for (const location of locations) {
      assert.deepEqual(parseLocationParts(locationParts(location)), location);
    }
  });

  it('carries no media type that breaks the grammar', () => {
    const parts = locationParts({ ...manifest, mediaType: 'text/plain\r\nX: y' });
    assert.equal(parseLocationParts(parts)?.mediaType, '');
  });
});

describe('titleOf', () => {
  const cases: readonly (readonly [Partial<Location>, string])[] = [
    [{}, 'app:1.4.2 › manifest'],
    [{ form: 'formatted' }, 'app:1.4.2 › manifest (formatted)'],
    [{ kind: 'config', mediaType: MediaType.imageConfig }, 'app:1.4.2 › config'],
    [{ kind: 'config', mediaType: 'text/x-lua' }, 'app:1.4.2 › config.txt'],
    [{ kind: 'blob', mediaType: 'application/spdx+json' }, 'app:1.4.2 › blob 44136fa355b3.json'],
    [{ kind: 'blob', mediaType: MediaType.layerTarGzip }, 'app:1.4.2 › blob 44136fa355b3'],
    [{ kind: 'blob', name: 'a.rego', mediaType: 'application/x' }, 'app:1.4.2 › a.rego'],
    [{ kind: 'blob', name: 'LICENSE', mediaType: 'text/plain' }, 'app:1.4.2 › LICENSE.txt'],
    [
      { kind: 'blob', name: 'sbom.spdx.json', mediaType: 'application/spdx+json', form: 'formatted' },
      'app:1.4.2 › sbom.spdx (formatted).json',
    ],
    [{ kind: 'blob', name: 'bom.cdx', mediaType: 'application/x+json' }, 'app:1.4.2 › bom.cdx.json'],
    [{ kind: 'config', mediaType: 'application/vnd.devcontainers' }, 'app:1.4.2 › config'],
    [{ kind: 'config', mediaType: 'application/x+yaml' }, 'app:1.4.2 › config.yaml'],
    [{ kind: 'referrers' }, 'app:1.4.2 › referrers'],
    [{ kind: 'index', accept: MediaType.dockerList }, 'app:1.4.2 › index as Docker manifest list'],
    [
      { accept: MediaType.dockerSchema1Signed, form: 'formatted' },
      'app:1.4.2 › manifest as Docker schema 1 (formatted)',
    ],
  ];
  for (const [change, title] of cases) {
    it(title, () => assert.equal(titleOf({ ...manifest, ...change }), title));
  }

  it('names by digest what has no tag', () => {
    assert.equal(titleOf(untagged), 'app@44136fa355b3 › manifest');
  });
});

describe('parseLocationParts', () => {
  const { path, query } = locationParts(manifest);
  const changed = (change: Readonly<Record<string, unknown>>) => ({
    path,
    query: JSON.stringify({ ...(JSON.parse(query) as object), ...change }),
  });
  const hostile: Readonly<Record<string, { readonly path: string; readonly query: string }>> = {
    'another path than the query says': { path: path.replace('1.4.2', '9.9.9'), query },
    'a path with steps': { path: '/../../etc/passwd', query },
    'no query': { path, query: '' },
    'no JSON': { path, query: '{' },
    'a list': { path, query: '[]' },
    'a digest that is none': changed({ digest: 'sha256:../../etc/passwd' }),
    'an algorithm we cannot compute': changed({ digest: `md5:${'0'.repeat(32)}` }),
    'upper case in a repository': changed({ repository: 'Team/app' }),
    'steps in a repository': changed({ repository: 'team/../app' }),
    'a negative size': changed({ size: -1 }),
    'a size that is no integer': changed({ size: 1.5 }),
    'a size beyond integers': changed({ size: 1e300 }),
    'an unknown kind': changed({ kind: 'constructor' }),
    'an unknown form': changed({ form: 'html' }),
    'a tag with a slash': changed({ tag: 'a/b' }),
    'a name that is a path': changed({ kind: 'blob', name: '../x' }),
    'a name on a manifest': changed({ name: 'x' }),
    'what no client accepts': changed({ accept: 'text/html' }),
    'what a client accepts without a tag': changed({ accept: MediaType.manifest, tag: undefined }),
    'what a client accepts for a config': changed({ accept: MediaType.manifest, kind: 'config' }),
    'no place': changed({ place: '' }),
    'a place of two lines': changed({ place: 'a\nb' }),
    'a place that is a step': changed({ place: '..' }),
    'a field more': changed({ more: true }),
    'a long query': { path, query: `${query}${' '.repeat(9000)}` },
    'the same in other words': { path, query: ` ${query}` },
  };
  for (const [name, parts] of Object.entries(hostile)) {
    it(`refuses ${name}`, () => assert.equal(parseLocationParts(parts), undefined));
  }
});

describe('contentName', () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['sbom.json', 'sbom.json'],
    ['out/dist/sbom.json', 'sbom.json'],
    ['out\\sbom.json', 'sbom.json'],
    ['/', undefined],
    ['..', undefined],
    ['a/..', undefined],
    ['a\u202egnp.exe', undefined],
    ['a\u200bb', undefined],
    ['two\nlines', undefined],
    ['app › manifest', undefined],
    ['x'.repeat(101), undefined],
  ];
  for (const [title, name] of cases) {
    it(JSON.stringify(title.slice(0, 40)), () => assert.equal(contentName(title), name));
  }
});

describe('isJson', () => {
  it('goes by what it is, its media type and its name', () => {
    const json = (kind: Location['kind'], mediaType: string, name?: string) =>
      isJson({ kind, mediaType, ...(name === undefined ? {} : { name }) });
    assert.ok(json('manifest', 'text/plain'));
    assert.ok(json('config', 'application/vnd.cncf.notary.signature'));
    assert.ok(!json('config', 'text/x-lua'));
    assert.ok(json('blob', 'application/vnd.in-toto+json'));
    assert.ok(json('blob', MediaType.layerTar, 'data.json'));
    assert.ok(!json('blob', MediaType.layerTar, 'data.txt'));
  });
});

describe('parseLocation', () => {
  it('takes a location as the argument of a command', () => {
    assert.deepEqual(parseLocation(JSON.parse(JSON.stringify(manifest))), manifest);
    assert.equal(parseLocation('oci:'), undefined);
    assert.equal(parseLocation(null), undefined);
  });
});

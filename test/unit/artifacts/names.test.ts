import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { generatedName } from '../../../src/artifacts/generatedName.ts';
import { globMatcher, tagMatcher } from '../../../src/artifacts/glob.ts';
import { categoryIcons, nodeIcons } from '../../../src/artifacts/icons.ts';
import { identify } from '../../../src/artifacts/identify.ts';
import { configName, layerContent, layerName } from '../../../src/artifacts/layerName.ts';
import { categories } from '../../../src/artifacts/type.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { MediaType } from '../../../src/oci/mediaTypes.ts';

const digest = digestOf(Buffer.from('x'));
const blob = (mediaType: string, annotations?: Record<string, string>) => ({
  mediaType,
  digest,
  size: 1,
  ...(annotations && { annotations }),
});

describe('generatedName', () => {
  const names: readonly (readonly [string, string])[] = [
    ['application/vnd.acme.rocket.config.v1+json', 'acme rocket'],
    ['application/vnd.acme.rocket.config.v2+json', 'acme rocket'],
    ['application/vnd.acme.rocket.v1beta1', 'acme rocket'],
    ['application/vnd.acme.rocket.layer.v1.tar+gzip', 'acme rocket'],
    ['application/vnd.acme.rocket.manifest.v1.2.3+json; charset=utf-8', 'acme rocket'],
    ['application/vnd.com.example.team.widget.v1', 'team widget'],
    ['application/vnd.example+type', 'example'],
    ['application/prs.me.notes', 'me notes'],
    ['application/x-acme-blob', 'acme blob'],
    ['/application/vnd.acme.rocket', 'acme rocket'],
    ['com.example.thing', 'example thing'],
    ['dev.acme.skills.v1', 'acme skills'],
    ['text/plain', 'Text'],
    ['application/json', 'JSON'],
    ['application/pdf', 'pdf'],
    ['image/svg+xml', 'svg'],
    ['application/vnd.oai.openapi', 'oai openapi'],
    ['application/vnd.acme.UNKNOWN.v1', 'acme'],
    ['application/vnd.acme/rocket?x=1', 'rocketx1'],
    ['application/octet-stream', 'File'],
    // Hostile: hidden and turning characters, letters that look like others, controls, nothing but separators, endless.
    ['application/vnd.ac\u202eme.ro\u200bcket', 'acme rocket'],
    ['application/vnd.\u0410cme.rocket', 'cme rocket'],
    ['application/vnd.acme.rocket\nevil', 'acme rocketevil'],
    ['application/vnd.<img src=x>.$(sync)', 'imgsrcx sync'],
    ['', 'Untyped artifact'],
    [' ', 'Untyped artifact'],
    ['/', 'Untyped artifact'],
    ['+json', 'Untyped artifact'],
    ['application/vnd', 'Untyped artifact'],
    ['application/vnd...___---...', 'Untyped artifact'],
    ['application/unknown', 'Untyped artifact'],
    ['application/vnd.unknown.v1', 'Untyped artifact'],
    ['\u202e\u202d\u2066', 'Untyped artifact'],
    ['日本語', 'Untyped artifact'],
    [`application/vnd.${'a'.repeat(1_000_000)}`, 'a'.repeat(40)],
    [`${'.'.repeat(1_000_000)}rocket`, 'Untyped artifact'],
  ];
  for (const [mediaType, name] of names) {
    it(`${JSON.stringify(mediaType.slice(0, 60))} → ${name}`, () => {
      assert.equal(generatedName(mediaType), name);
    });
  }
});

describe('globMatcher', () => {
  it('matches whole, without case, with * for anything', () => {
    const rows: readonly (readonly [string, string, boolean])[] = [
      ['a/b', 'A/B', true],
      ['a/b', 'a/b;c', false],
      ['a/*', 'a/', true],
      ['a/*', 'b/a/', false],
      ['*a', 'ba', true],
      ['*', '', true],
      ['a*a', 'a', false],
      ['a*a', 'aa', true],
      ['a*b*c', 'a-b-b-c', true],
      ['a*b*c', 'a-c-b', false],
      ['*ab*ab*', 'ab-a-b-ab', true],
      ['*ab*ab*', 'abab'.slice(0, 3), false],
      ['a.c', 'abc', false],
      ['a+b(c', 'a+b(c', true],
      ['a*', 'a\nb', true],
    ];
    for (const [pattern, text, is] of rows) {
      assert.equal(globMatcher(pattern)(text), is, `${pattern} ${text}`);
    }
  });

  it('finds a digest at the start of a tag', () => {
    const hex = digest.slice(7);
    assert.ok(tagMatcher('{digest}.sig')(`sha256-${hex}.sig`));
    assert.ok(tagMatcher('{digest}.sig')(`sha512-${hex}${hex}.sig`));
    assert.ok(!tagMatcher('{digest}.sig')(`sha256-${hex}.att`));
    assert.ok(!tagMatcher('{digest}.sig')('app.sig'));
    assert.ok(tagMatcher('{digest}')(`sha256-${hex}`));
    assert.ok(!tagMatcher('{digest}')(`sha256-${hex.slice(1)}`));
    assert.ok(!tagMatcher('{digest}')(`sha256-${hex}x`));
    assert.ok(tagMatcher('*-esgztoc')('1.0-esgztoc'));
  });
});

describe('layerName', () => {
  const chart = identify({ config: { mediaType: 'application/vnd.cncf.helm.config.v1+json' }, layers: [] });
  const model = identify({ artifactType: 'application/vnd.cncf.model.manifest.v1+json', layers: [] });
  const inToto = 'application/vnd.in-toto+json';

  it('is what its owner’s type calls it, else what any does, else made of the media type', () => {
    assert.equal(
      layerName(blob('application/vnd.cncf.helm.chart.content.v1.tar+gzip'), chart),
      'Chart archive',
    );
    assert.equal(layerName(blob('application/vnd.cncf.helm.chart.content.v1.tar+gzip')), 'Chart archive');
    assert.equal(layerName(blob('application/vnd.sylabs.sif.layer.v1.sif')), 'SIF image');
    assert.equal(layerName(blob('application/vnd.docker.ai.gguf.v3')), 'GGUF weights');
    assert.equal(layerName(blob('application/vnd.cncf.model.doc.v1.tar+gzip'), model), 'Docs');
    assert.equal(layerName(blob(MediaType.layerTarZstd), chart), 'Filesystem layer');
    assert.equal(layerName(blob('application/vnd.docker.image.rootfs.diff.tar.gzip')), 'Filesystem layer');
    assert.equal(layerName(blob('application/vnd.acme.rocket.v1')), 'acme rocket');
    assert.equal(layerName(blob(MediaType.octetStream)), 'File');
    assert.equal(layerName(blob('application/json'), chart), 'JSON');
    assert.equal(layerName(blob('archive/zip')), 'ZIP archive');
    assert.equal(layerName(blob('')), 'File');
  });

  it('says what a statement states', () => {
    const layer = (predicate: string) => layerName(blob(inToto, { 'in-toto.io/predicate-type': predicate }));
    assert.equal(layerName(blob(inToto)), 'In-toto statement');
    assert.equal(layer('https://slsa.dev/provenance/v1'), 'In-toto statement (SLSA provenance)');
    assert.equal(layer('https://openvex.dev/ns/v0.2.0'), 'In-toto statement (OpenVEX)');
    assert.equal(layer('https://acme.example/v1'), 'In-toto statement');
    assert.equal(
      layerName(
        blob('application/vnd.dsse.envelope.v1+json', { predicateType: 'https://spdx.dev/Document' }),
      ),
      'DSSE envelope (SPDX attestation)',
    );
  });

  it('knows what the bytes are where the media type does not say', () => {
    assert.equal(layerContent(blob('application/vnd.ollama.image.params')), 'json');
    assert.equal(layerContent(blob('application/vnd.spack.package')), 'tar+gzip');
    assert.equal(layerContent(blob('application/vnd.acme.rocket')), undefined);
    assert.equal(layerContent(blob('application/octet-stream')), undefined);
  });

  it('names configs by their type', () => {
    assert.equal(configName(blob('application/vnd.cncf.helm.config.v1+json'), chart), 'Helm chart config');
    assert.equal(configName(blob(MediaType.empty), chart), 'Empty config');
    assert.equal(configName(blob(MediaType.imageConfig), chart), 'Image config');
    assert.equal(configName(blob('application/vnd.acme.rocket.config.v1+json')), 'acme rocket config');
  });
});

describe('icons', () => {
  it('are theme icons of the editor, a different one for each category', () => {
    const list = path.join(import.meta.dirname, '../../../node_modules/@vscode/codicons/dist/codicon.css');
    const icons = new Set(
      [...readFileSync(list, 'utf8').matchAll(/\.codicon-([a-z0-9-]+):before/g)].map((match) => match[1]),
    );
    assert.ok(icons.size > 400);
    assert.deepEqual(
      [...Object.values(categoryIcons), ...Object.values(nodeIcons)].filter((icon) => !icons.has(icon)),
      [],
    );
    assert.deepEqual(Object.keys(categoryIcons), [...categories]);
    assert.equal(new Set(Object.values(categoryIcons)).size, categories.length);
  });
});

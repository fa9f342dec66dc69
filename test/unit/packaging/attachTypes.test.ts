import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { builtInTable } from '../../../src/artifacts/table.ts';
import { isMediaType } from '../../../src/oci/mediaTypes.ts';
import { attachTypes, documentType, documentTypeOf } from '../../../src/packaging/attachTypes.ts';

const documents: readonly (readonly [name: string, text: string, type: string | undefined])[] = [
  ['a.json', '{"spdxVersion": "SPDX-2.3"}', 'application/spdx+json'],
  ['a.spdx.json', '', 'application/spdx+json'],
  ['a.txt', 'SPDXVersion: SPDX-2.3\nDataLicense: CC0-1.0\n', 'text/spdx'],
  ['a.json', '{"bomFormat":"CycloneDX","specVersion":"1.6"}', 'application/vnd.cyclonedx+json'],
  ['bom.xml', '', 'application/vnd.cyclonedx+xml'],
  ['a.xml', '<bom xmlns="http://cyclonedx.org/schema/bom/1.6">', 'application/vnd.cyclonedx+xml'],
  ['a.json', '{"@context":"https://openvex.dev/ns/v0.2.0"}', 'application/openvex+json'],
  ['a.json', '{"document":{"category":"csaf_vex","csaf_version":"2.0"}}', 'application/csaf+json'],
  ['a.json', '{"version":"2.1.0","runs":[]}', 'application/sarif+json'],
  ['scan.sarif', '', 'application/sarif+json'],
  ['README.md', '# Hello', 'text/markdown'],
  ['readme', '', 'text/markdown'],
  ['a.sig', '-----BEGIN PGP SIGNATURE-----\n', 'application/pgp-signature'],
  [
    'a.json',
    '{"payloadType":"application/vnd.in-toto+json","payload":""}',
    'application/vnd.dsse.envelope.v1+json',
  ],
  [
    'a.json',
    '{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","dsseEnvelope":{"payloadType":"x"}}',
    'application/vnd.dev.sigstore.bundle.v0.3+json',
  ],
  // Content says more than a name.
  ['a.spdx.json', '{"bomFormat":"CycloneDX"}', 'application/vnd.cyclonedx+json'],
  ['a.json', '{"name":"x"}', undefined],
  ['a.bin', '\0\0', undefined],
];

describe('what is attached', () => {
  for (const [name, text, type] of documents) {
    it(`is told of ${name} with ${JSON.stringify(text.slice(0, 30))}: ${type ?? 'nothing'}`, () => {
      assert.equal(documentType(name, text), type);
    });
  }

  it('is told by a key at the end of a large file, too', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'oci-attach-types-'));
    try {
      const path = join(folder, 'a.json');
      await writeFile(path, `{"packages":"${'x'.repeat(300_000)}","spdxVersion":"SPDX-2.3"}`);
      assert.equal(await documentTypeOf(path), 'application/spdx+json');
      await assert.rejects(documentTypeOf(join(folder, 'none')), { code: 'file-missing' });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('is offered the types that fit first, each type once, each with the name the tree shows', () => {
    const { fitting, others } = attachTypes(
      ['text/markdown', 'application/spdx+json', 'application/spdx+json'],
      builtInTable,
    );
    assert.deepEqual(fitting, [
      { artifactType: 'application/spdx+json', label: 'SPDX SBOM' },
      { artifactType: 'text/markdown', label: 'Markdown' },
    ]);
    const all = [...fitting, ...others].map(({ artifactType }) => artifactType);
    assert.deepEqual(all, [...new Set(all)]);
    assert.ok(all.every(isMediaType));
    for (const type of ['application/openvex+json', 'application/sarif+json', 'application/pgp-signature']) {
      assert.ok(all.includes(type), type);
    }
  });
});

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import '../../support/vscodeStub.ts';
import { identify } from '../../../src/artifacts/identify.ts';
import { parseTypeRow } from '../../../src/artifacts/parseTypeRow.ts';
import { contributedRows, readTypeRows } from '../../../src/artifacts/readTypeRows.ts';
import { builtInTable, createTable, type TypeRow } from '../../../src/artifacts/table.ts';
import type { ArtifactTypes } from '../../../src/host/artifactTypes.ts';
import { pushTypes } from '../../../src/packaging/pushTypes.ts';

const { createApi } = await import('../../../src/host/createApi.ts');

function thrown(): never {
  throw new Error('looked at');
}
const evil = new Proxy({}, { get: thrown, has: thrown, ownKeys: thrown, getOwnPropertyDescriptor: thrown });
const revoked = Proxy.revocable({}, {});
revoked.revoke();
const round: Record<string, unknown> = {};
Object.assign(round, { layers: [round], annotations: round, config: round });

/** What only code can give, and no JSON. */
const live: readonly unknown[] = [
  evil,
  revoked.proxy,
  round,
  { artifactType: Symbol('a'), layers: evil, annotations: new Map() },
  { artifactType: { toString: thrown }, layers: { length: 1e9 } },
  { layers: [evil], config: evil },
  Object.defineProperty({}, 'artifactType', { enumerable: true, get: thrown }),
  1n,
  thrown,
];

describe('what other extensions are given', () => {
  const api = createApi({ table: () => builtInTable } as unknown as ArtifactTypes);

  it('names whatever it is given', () => {
    for (const value of live) {
      for (const type of [
        api.identify(value),
        api.identify({}, value as object),
        api.identify({}, {}, value as object),
        api.identify(
          { config: { mediaType: 'application/vnd.oci.image.config.v1+json' } },
          {},
          { config: value },
        ),
      ]) {
        assert.ok(type.name.length > 0 && type.evidence.length > 0);
      }
    }
  });

  it('opens a text alone', async () => {
    for (const value of [undefined, '', ' ', 1, evil, 'a'.repeat(5000)]) {
      await assert.rejects(api.open(value as string), TypeError);
    }
  });

  it('refuses rows that cannot be read', () => {
    for (const value of live) {
      for (const row of [
        value,
        { id: 'a', name: 'A', match: value },
        { id: 'a', name: 'A', match: { artifactType: 'a/b' }, push: value },
        { id: 'a', name: 'A', match: { artifactType: 'a/b' }, push: { artifactType: 'a/b', config: value } },
      ]) {
        assert.ok('problem' in parseTypeRow(row));
      }
    }
  });
});

describe('the rows of the README', () => {
  const readme = readFileSync(path.join(import.meta.dirname, '../../../README.md'), 'utf8');
  const [setting, extension] = [...readme.matchAll(/\n```json\n([^]*?)\n```/g)].map(
    ([, text = '']) => JSON.parse(text) as Readonly<Record<string, unknown>>,
  );
  const nameOf = (manifest: object, rows: readonly TypeRow[]): string =>
    identify(manifest, {}, {}, createTable(rows)).name;

  it('are rows, and name what they say', () => {
    const mine = readTypeRows(setting?.['ociExplorer.artifactTypes']);
    assert.deepEqual(mine.problems, []);
    assert.equal(nameOf({ artifactType: 'application/vnd.example.rocket.v1' }, mine.rows), 'Example rocket');
    assert.ok(pushTypes(createTable(mine.rows)).some(({ id }) => id === 'example-rocket'));
    const theirs = contributedRows([{ id: 'a.b', packageJSON: extension }]);
    assert.deepEqual(theirs.problems, []);
    const config = { mediaType: 'application/vnd.example.probe.config.v1+json' };
    assert.equal(nameOf({ config, layers: [] }, theirs.rows), 'Example probe');
  });
});

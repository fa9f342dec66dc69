import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { identify } from '../../../src/artifacts/identify.ts';
import { contributedRows, maxRows, readTypeRows } from '../../../src/artifacts/readTypeRows.ts';
import { createTable } from '../../../src/artifacts/table.ts';

const row = (id: string, name: string, artifactType = 'application/vnd.acme.rocket.v1') => ({
  id,
  name,
  match: { artifactType },
});

describe('rows from outside', () => {
  it('are taken as far as they are right, and what is wrong is said once with its place', () => {
    const good = row('acme-rocket', 'Acme rocket');
    assert.deepEqual(readTypeRows([good, { ...good, match: {} }, null]), {
      rows: [good],
      problems: ['[1]: match has no signal', '[2]: The row is not an object'],
    });
    assert.deepEqual(readTypeRows(undefined), { rows: [], problems: [] });
    assert.deepEqual(readTypeRows({ 0: good }), { rows: [], problems: ['not a list'] });
  });

  it('are bounded in number and in size', () => {
    const many = Array.from({ length: maxRows + 1 }, (_, index) => row(`a-${index}`, 'A'));
    const read = readTypeRows(many);
    assert.equal(read.rows.length, maxRows);
    assert.match(read.problems.join(), /more than 1000 types/);
    const long = Array.from({ length: 50 }, (_, index) => `application/${String(index).padEnd(200, 'x')}`);
    const large = Array.from({ length: 100 }, (_, index) => ({
      ...row(`a-${index}`, 'A'),
      match: { artifactType: long },
    }));
    const cut = readTypeRows(large);
    assert.ok(cut.rows.length > 10 && cut.rows.length < 30, `${cut.rows.length}`);
    assert.match(cut.problems.join(), /characters in all/);
  });

  it('of other extensions come in the order of their ids, whatever they say', () => {
    const found = contributedRows([
      { id: 'z.last', packageJSON: { contributes: { ociArtifactTypes: [row('z', 'Z')] } } },
      { id: 'b.none', packageJSON: { contributes: {} } },
      { id: 'c.odd', packageJSON: undefined },
      { id: 'd.bad', packageJSON: { contributes: { ociArtifactTypes: [{}] } } },
      { id: 'a.first', packageJSON: { contributes: { ociArtifactTypes: [row('a', 'A')] } } },
    ]);
    assert.deepEqual(
      found.rows.map(({ id }) => id),
      ['a', 'z'],
    );
    assert.deepEqual(found.problems, ['d.bad: [0]: id is missing']);
  });

  it('rank the user before another extension, and that before what is built in', () => {
    const manifest = { artifactType: 'application/spdx+json', layers: [] };
    const named = (users: object[], others: object[]): string =>
      identify(manifest, {}, {}, createTable(readTypeRows(users).rows, readTypeRows(others).rows)).name;
    const mine = row('mine', 'Mine', 'application/spdx+json');
    const theirs = { ...row('theirs', 'Theirs', 'application/spdx+json'), rank: 1000 };
    assert.equal(named([], []), 'SPDX SBOM');
    assert.equal(named([], [theirs]), 'Theirs');
    assert.equal(named([mine], [theirs]), 'Mine');
    assert.equal(named([{ ...mine, id: 'spdx-sbom' }], [{ ...theirs, id: 'spdx-sbom' }]), 'Mine');
  });
});

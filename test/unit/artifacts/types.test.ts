import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { stages } from '../../../src/artifacts/claims.ts';
import { identify } from '../../../src/artifacts/identify.ts';
import { typeRow, typeRows } from '../../../src/artifacts/table.ts';
import { isManifestType } from '../../../src/oci/mediaTypes.ts';
import { parseManifest } from '../../../src/oci/manifest.ts';
import { descriptorOf, fixtures, reversed } from './fixtures.ts';

describe('every type', () => {
  for (const { id, name, category, cases } of fixtures) {
    for (const item of cases) {
      it(`${name} (${id}): ${item.title}`, () => {
        const { tag, config, rule } = item;
        const context = {
          ...(tag === undefined ? {} : { tag }),
          ...(config === undefined ? {} : { config }),
        };
        const descriptor = descriptorOf(item);
        const type = identify(item.manifest, descriptor, context);
        const { ignored = [], ...answer } = type;
        assert.deepEqual(
          { id: answer.id, name: answer.name, category: answer.category, rule: answer.rule },
          { id, name, category, rule },
        );
        assert.ok(
          answer.evidence.length > 0 &&
            answer.evidence.every(({ field, value }) => field && value.length <= 256),
        );
        const decided = new Set(answer.evidence.map(({ field }) => field));
        assert.ok(ignored.every(({ field }) => !decided.has(field)));
        assert.deepEqual(
          identify(reversed(item.manifest), descriptor, reversed(context) as typeof context),
          type,
          'key order',
        );
        if (isManifestType(descriptor.mediaType)) {
          const parsed = parseManifest(Buffer.from(JSON.stringify(item.manifest)), descriptor.mediaType);
          assert.deepEqual(identify(parsed, descriptor, context), type, 'parsed');
        }
      });
    }
  }

  it('has a fixture, and one for each stage its row has a signal for', () => {
    const missing = typeRows.flatMap(({ id, match }) => {
      const rules = new Set(fixtures.find((fixture) => fixture.id === id)?.cases.map(({ rule }) => rule));
      return stages.flatMap(([rule, signal]) =>
        match[signal] === undefined || rules.has(rule) ? [] : [`${id}: ${rule}`],
      );
    });
    assert.deepEqual(missing, []);
    assert.deepEqual(
      fixtures.filter(({ id }) => !typeRow(id)).map(({ id }) => id),
      [],
    );
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { withAnnotations } from '../../../src/oci/editAnnotations.ts';

const edited = (text: string, annotations: Readonly<Record<string, string>>): string =>
  Buffer.from(withAnnotations(Buffer.from(text), annotations)).toString();

describe('annotations of a manifest that are edited', () => {
  it('change nothing else, whatever order the fields have and whatever is unknown', () => {
    const text =
      '{"x-unknown":[1e3,{"annotations":{"inner":"1"}}],"annotations":{"b":"1","a":"2"},"layers":[{"annotations":{}}],"schemaVersion":2.0,"é":"\\u00e9\\"}"}';
    assert.equal(edited(text, { b: '1', a: '2' }), text);
    assert.equal(
      edited(text, { a: 'new "quoted" ü', c: '3', b: '1' }),
      text.replace('{"b":"1","a":"2"}', '{"b":"1","a":"new \\"quoted\\" ü","c":"3"}'),
    );
    assert.equal(edited(text, { a: '2' }), text.replace('{"b":"1","a":"2"}', '{"a":"2"}'));
  });

  it('come last where there were none, and leave nothing behind where the last goes', () => {
    assert.equal(edited('{"a":[],"b":{}}', { k: 'v' }), '{"a":[],"b":{},"annotations":{"k":"v"}}');
    assert.equal(edited('{"a":1,"annotations":{"k":"v"},"b":2}', {}), '{"a":1,"b":2}');
    assert.equal(edited('{"annotations":{"k":"v"},"b":2}', {}), '{"b":2}');
    assert.equal(edited('{"a":1,"annotations":null}', {}), '{"a":1}');
    assert.equal(edited('{"a":1,"annotations":null}', { k: 'v' }), '{"a":1,"annotations":{"k":"v"}}');
    assert.equal(edited('{"a":1}', {}), '{"a":1}');
  });

  it('are laid out as the document is', () => {
    const text = '{\n  "schemaVersion": 2,\n  "annotations": {\n    "k": "v"\n  },\n  "layers": []\n}\n';
    assert.equal(edited(text, { k: 'v' }), text);
    assert.equal(
      edited(text, { k: 'v', l: 'w' }),
      text.replace('    "k": "v"\n', '    "k": "v",\n    "l": "w"\n'),
    );
    assert.equal(
      edited('{\n  "schemaVersion": 2\n}', { k: 'v' }),
      '{\n  "schemaVersion": 2,\n  "annotations": {\n    "k": "v"\n  }\n}',
    );
  });

  it('take keys that mean something to a program as keys', () => {
    const text = '{"annotations":{"__proto__":"1","constructor":"2"}}';
    const keys = JSON.parse('{"__proto__":"1","constructor":"3"}') as Record<string, string>;
    assert.equal(edited(text, keys), text.replace('"2"', '"3"'));
    assert.equal(edited(text, { a: '1' }), '{"annotations":{"a":"1"}}');
  });
});

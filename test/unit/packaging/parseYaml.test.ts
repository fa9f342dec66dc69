import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseYaml } from '../../../src/packaging/parseYaml.ts';
import type { YamlValue } from '../../../src/packaging/yamlScalars.ts';
import { quick } from '../../support/quick.ts';

/** Texts, lists and objects; what stood there without quotes ends in `!`. */
function shown(value: YamlValue): unknown {
  if (value instanceof Map) {
    const map = value as ReadonlyMap<string, YamlValue>;
    return Object.fromEntries([...map].map(([key, inner]) => [key, shown(inner)]));
  }
  if (Array.isArray(value)) {
    return (value as readonly YamlValue[]).map(shown);
  }
  return value === null || !('text' in value) ? null : `${value.text}${value.isPlain ? '!' : ''}`;
}

describe('parseYaml', () => {
  const cases: readonly (readonly [string, string, unknown])[] = [
    ['nothing', '# only a comment\n\n', null],
    ['a mapping', '\ufeff---\r\na: b # c\r\nd: e#f\r\n...\r\n', { a: 'b!', d: 'e#f!' }],
    ['quoted keys and texts', `"a b": 'it''s'\n'c': "\\u00e9\\x41\\n"`, { 'a b': "it's", c: 'éA\n' }],
    ['colons that are no keys', 'a: http://x:80/#y\nb: "c: d"', { a: 'http://x:80/#y!', b: 'c: d' }],
    ['nothing for a key', 'a:\nb: ~\nc: ""', { a: null, b: '~!', c: '' }],
    [
      'lists below and beside',
      'a:\n- b\n-  c: d\n   e: f\ng:\n  - - h\n    - i\n  -\n    j',
      {
        a: ['b!', { c: 'd!', e: 'f!' }],
        g: [['h!', 'i!'], 'j!'],
      },
    ],
    [
      'flow',
      'a: [b, "c d", {e: f, g: [], h}]\ni: {\n  j: k, # l\n}\nm: n',
      {
        a: ['b!', 'c d', { e: 'f!', g: [], h: null }],
        i: { j: 'k!' },
        m: 'n!',
      },
    ],
    [
      'texts over several lines',
      'a: b\n  c\n\n  d # e\nf: "g\n  h \\\n  i\n\n  j"',
      {
        a: 'b c\nd!',
        f: 'g h i\nj',
      },
    ],
    [
      'block texts',
      'a: |\n  b\n    c # d\n\n  e\n\nf: >-\n  g\n  h\n\n  i\n   j\n  k\nl: |+\n  m\n\nn: |2\n   o\n',
      {
        a: 'b\n  c # d\n\ne\n',
        f: 'g h\ni\n j\nk',
        l: 'm\n\n',
        n: ' o\n',
      },
    ],
  ];
  for (const [name, text, value] of cases) {
    it(`reads ${name}`, () => {
      assert.deepEqual(shown(parseYaml(text)), value);
    });
  }

  const refused: readonly (readonly [string, RegExp])[] = [
    ['a: &b c', /^line 1: & is not understood/],
    ['a: *b', /^line 1: \* is/],
    ['a: !!str b', /^line 1: ! is/],
    ['a: {b: *c}', /^line 1: \* is/],
    ['a:\n\tb: c', /^line 2: a tab/],
    ['a: b: c', /^line 1: a collection does not begin there/],
    ['a: - b', /^line 1: a collection/],
    ['a: b\n  c: d', /^line 2: a key/],
    ['a: "b', /^line 1: " is not closed/],
    ['a: [b', /^line 1: \[ is not closed/],
    ["a: 'b' c", /^line 1: something follows/],
    ['a: "\\q"', /^line 1: \\q is not/],
    ['a: "\\UFFFFFFFF"', /^line 1: \\U is not/],
    ['a: 1\na: 2', /^line 2: a stands there twice/],
    ['a: {b: 1, b: 2}', /^line 1: a key/],
    ['a: |x\n  b', /^line 1: its first line/],
    ['a: b\n---\nc: d', /^line 2: it does not belong/],
    ['a: b\nc', /^line 2: it does not belong/],
  ];
  for (const [text, problem] of refused) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(() => parseYaml(text), { name: 'SyntaxError', message: problem });
    });
  }

  it('is done at once with what is made to take long', () => {
    const many = 250_000;
    for (const text of [
      `a: ${' '.repeat(many)}b`,
      `a:${' #'.repeat(many / 2)}`,
      'a: '.repeat(many / 3),
      `a: "${'\n'.repeat(many)}`,
      `a: "${'x\n '.repeat(many / 3)}`,
      `a: ${'['.repeat(many)}`,
      '- '.repeat(many / 2),
      '\n'.repeat(many),
      `a: |\n${' \n'.repeat(many / 2)}`,
      `a: >\n${'  b\n\n'.repeat(many / 5)}`,
      `a: [${'b,'.repeat(many / 2)}]`,
      Array.from({ length: 60 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n'),
    ]) {
      quick(1500, JSON.stringify(text.slice(0, 20)), () => {
        try {
          parseYaml(text);
        } catch (error) {
          assert.ok(error instanceof SyntaxError, String(error));
        }
      });
    }
  });
});

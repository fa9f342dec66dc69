import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseChallenges } from '../../../../src/oci/remote/challenge.ts';
import { nextLink, nextPage } from '../../../../src/oci/remote/links.ts';
import { quick } from '../../../support/quick.ts';

type Challenges = readonly (readonly [string, Readonly<Record<string, string>>])[];

const challenges: readonly (readonly [string | readonly string[] | undefined, Challenges])[] = [
  [undefined, []],
  ['', []],
  ['Basic', [['basic', {}]]],
  ['Basic realm="r"', [['basic', { realm: 'r' }]]],
  ['bearer REALM=r, service=s', [['bearer', { realm: 'r', service: 's' }]]],
  [
    'Bearer service="s",scope="a,b",realm="https://x/t?a=b"',
    [['bearer', { service: 's', scope: 'a,b', realm: 'https://x/t?a=b' }]],
  ],
  ['Bearer realm="a\\"b"', [['bearer', { realm: 'a"b' }]]],
  [
    'Bearer realm="r",service="s",scope="*",Basic realm="b"',
    [
      ['bearer', { realm: 'r', service: 's', scope: '*' }],
      ['basic', { realm: 'b' }],
    ],
  ],
  [
    ['Bearer realm="r"', 'Basic realm="b"'],
    [
      ['bearer', { realm: 'r' }],
      ['basic', { realm: 'b' }],
    ],
  ],
  [
    'NTLM dGVzdA==, Basic realm="b"',
    [
      ['ntlm', {}],
      ['basic', { realm: 'b' }],
    ],
  ],
  ['Bearer realm = "r" , service = s', [['bearer', { realm: 'r', service: 's' }]]],
  ['Bearer realm="unclosed', [['bearer', { realm: 'unclosed' }]]],
];

const links: readonly (readonly [string | undefined, string | undefined])[] = [
  [undefined, undefined],
  ['</v2/_catalog?last=b&n=2>; rel="next"', '/v2/_catalog?last=b&n=2'],
  ['</a?n=1>;rel=next', '/a?n=1'],
  ['</a?n=1>; title="x, y"; rel="next"', '/a?n=1'],
  ['</p>; rel="prev", </a?n=1>; rel="next"', '/a?n=1'],
  ['</a?n=1>; rel="last next"', '/a?n=1'],
  ['</a?n=1>; rel="prev"', undefined],
  ['<unclosed', undefined],
];

describe('headers of servers', () => {
  for (const [header, found] of challenges) {
    it(`challenges of ${JSON.stringify(header)}`, () => {
      assert.deepEqual(
        parseChallenges(header).map(({ scheme, params }) => [scheme, { ...params }]),
        found,
      );
    });
  }
  for (const [header, found] of links) {
    it(`next link of ${JSON.stringify(header)}`, () => {
      assert.equal(nextLink(header), found);
    });
  }
  it('keep a page at its own endpoint, whatever host or path is named', () => {
    for (const link of [
      'https://evil.example/v2/x/tags/list?n=2&last=b',
      '//evil/?n=2&last=b',
      '/prefix/v2/x/tags/list?n=2&last=b',
    ]) {
      assert.equal(nextPage(link, '/v2/x/tags/list', '/v2/x/tags/list?n=2'), '/v2/x/tags/list?n=2&last=b');
    }
    assert.equal(nextPage('/v2/x/tags/list', '/v2/x/tags/list', ''), undefined);
    assert.equal(nextPage('/v2/x?a b', '/v2/x', ''), undefined);
    assert.equal(nextPage('/v2/x?n=2', '/v2/x', '/v2/x?n=2'), undefined);
  });
  it('are read at once, however they are made', () => {
    for (const piece of ['a,', '<', '"', 'a=', '="', ' ', 'Bearer ']) {
      quick(200, piece, () => {
        parseChallenges(piece.repeat(64 * 1024));
        nextLink(piece.repeat(64 * 1024));
      });
    }
  });
});

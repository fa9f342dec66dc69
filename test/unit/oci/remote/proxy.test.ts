import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { proxyFor, type ProxySettings } from '../../../../src/oci/remote/proxy.ts';

const p = 'http://proxy.example:3128';

/** A target, the settings, and where it goes: an origin, or why it goes direct. */
type Row = readonly [target: string, settings: Partial<ProxySettings>, way: string];
const except = (list: string): Partial<ProxySettings> => ({ proxy: p, noProxy: list.split(' ') });

const rows: readonly Row[] = [
  // who names it
  ['https://r.io', {}, 'none'],
  ['https://r.io', { proxy: '  ' }, 'none'],
  ['https://r.io', { proxy: p }, `${p} by http.proxy`],
  ['https://r.io', { proxy: p, isOn: false }, 'off'],
  ['https://r.io', { env: { HTTPS_PROXY: p }, isOn: false }, 'off'],
  ['https://r.io', { env: { HTTPS_PROXY: p } }, `${p} by HTTPS_PROXY`],
  ['https://r.io', { env: { https_proxy: p, HTTPS_PROXY: 'http://x' } }, `${p} by https_proxy`],
  ['https://r.io', { env: { https_proxy: '', HTTPS_PROXY: p } }, `${p} by HTTPS_PROXY`],
  ['https://r.io', { proxy: p, env: { HTTPS_PROXY: 'http://x' } }, `${p} by http.proxy`],
  ['https://r.io', { env: { HTTP_PROXY: p } }, 'none'],
  ['http://r.io', { env: { HTTP_PROXY: p } }, `${p} by HTTP_PROXY`],
  ['http://r.io', { env: { HTTPS_PROXY: p } }, 'none'],
  ['https://r.io', { env: { ALL_PROXY: p } }, `${p} by ALL_PROXY`],
  // how it is written
  ['https://r.io', { proxy: 'proxy.example:3128' }, `${p} by http.proxy`],
  ['https://r.io', { proxy: 'https://proxy.example' }, 'https://proxy.example by http.proxy'],
  ['https://r.io', { proxy: 'http://[fd00::1]:3128/' }, 'http://[fd00::1]:3128 by http.proxy'],
  ['https://r.io', { proxy: 'socks5://proxy.example' }, 'invalid http.proxy'],
  ['https://r.io', { proxy: 'http://' }, 'invalid http.proxy'],
  ['https://r.io', { env: { HTTPS_PROXY: 'file:///x' } }, 'invalid HTTPS_PROXY'],
  // loopback
  ['http://localhost:5000', { proxy: p }, 'loopback'],
  ['http://127.9.9.9:5000', { proxy: p }, 'loopback'],
  ['https://[::1]:5000', { proxy: p }, 'loopback'],
  ['http://localhost:5000', except('<-loopback>'), `${p} by http.proxy`],
  // exceptions: names
  ['https://r.io', except('r.io'), 'listed'],
  ['https://R.io', except('r.IO'), 'listed'],
  ['https://a.r.io', except('r.io'), 'listed'],
  ['https://a.r.io', except('.r.io'), 'listed'],
  ['https://a.r.io', except('*.r.io'), 'listed'],
  ['https://r.io', except('.r.io'), 'listed'],
  ['https://r.io.', except('r.io'), 'listed'],
  ['https://xr.io', except('r.io'), `${p} by http.proxy`],
  ['https://r.io.evil.io', except('r.io'), `${p} by http.proxy`],
  ['https://r.io', except('*'), 'listed'],
  ['https://r.io', except('a.io,r.io'), 'listed'],
  ['https://r.io', except('. / : *. [] ,'), `${p} by http.proxy`],
  // exceptions: ports
  ['https://r.io', except('r.io:443'), 'listed'],
  ['https://r.io:5000', except('r.io:5000'), 'listed'],
  ['https://r.io:5000', except('r.io'), 'listed'],
  ['https://r.io:5001', except('r.io:5000'), `${p} by http.proxy`],
  ['http://r.io', except('r.io:80'), 'listed'],
  // exceptions: addresses and networks
  ['https://10.1.2.3', except('10.0.0.0/8'), 'listed'],
  ['https://11.1.2.3', except('10.0.0.0/8'), `${p} by http.proxy`],
  ['https://10.1.2.3:5000', except('10.1.2.3'), 'listed'],
  ['https://10.1.2.3:5000', except('10.1.2.3:5001'), `${p} by http.proxy`],
  ['https://110.1.2.3', except('10.1.2.3'), `${p} by http.proxy`],
  ['https://10.1.2.3', except('2.3'), `${p} by http.proxy`],
  ['https://[fd00::5]', except('fd00::/8'), 'listed'],
  ['https://[fd00::5]', except('fd00::5'), 'listed'],
  ['https://[fd00::5]:5000', except('[fd00::5]:5000'), 'listed'],
  ['https://[fd00::5]:5001', except('[fd00::5]:5000'), `${p} by http.proxy`],
  ['https://[fd00:0::5]', except('[FD00::0:5]'), 'listed'],
  ['https://r.io', except('10.0.0.0/8'), `${p} by http.proxy`],
  ['https://10.1.2.3', except('10.0.0.0/99 10.0.0.0/x 10.0.0.0/8/8 /8'), `${p} by http.proxy`],
  // whose exceptions
  ['https://r.io', { proxy: p, env: { NO_PROXY: 'r.io' } }, 'listed'],
  ['https://r.io', { proxy: p, env: { no_proxy: 'x, r.io' } }, 'listed'],
  ['https://r.io', { proxy: p, noProxy: ['x'], env: { NO_PROXY: 'r.io' } }, `${p} by http.proxy`],
  ['https://r.io', { env: { HTTPS_PROXY: p }, noProxy: ['r.io'] }, 'listed'],
];

describe('the way to', () => {
  for (const [target, settings, way] of rows) {
    it(`${target} with ${JSON.stringify(settings)} is ${way}`, () => {
      const found = proxyFor(new URL(target), { isOn: true, env: {}, ...settings });
      const text =
        found.kind === 'proxy'
          ? `${found.proxy.origin} by ${found.proxy.source}`
          : found.kind === 'direct'
            ? found.reason
            : `invalid ${found.source}`;
      assert.equal(text, way);
    });
  }
});

describe('the sign-in of a proxy', () => {
  const of = (settings: Partial<ProxySettings>): string | undefined => {
    const way = proxyFor(new URL('https://r.io'), { isOn: true, env: {}, ...settings });
    assert.equal(way.kind, 'proxy');
    assert.ok(!way.proxy.origin.includes('@'));
    return way.proxy.authorization;
  };
  const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

  it('is in its URL, else in http.proxyAuthorization', () => {
    assert.equal(of({ proxy: 'http://u:p%40w%3A@proxy.example' }), basic('u:p@w:'));
    assert.equal(of({ proxy: 'http://u@proxy.example' }), basic('u:'));
    assert.equal(of({ proxy: 'http://u:%zz@proxy.example' }), basic('u:%zz'));
    assert.equal(of({ proxy: p, authorization: 'Bearer x' }), 'Bearer x');
    assert.equal(of({ proxy: 'http://u:p@proxy.example', authorization: 'Bearer x' }), basic('u:p'));
    assert.equal(of({ proxy: p }), undefined);
  });

  it('is told to no other proxy, and is one header', () => {
    assert.equal(of({ env: { HTTPS_PROXY: p }, authorization: 'Bearer x' }), undefined);
    assert.equal(of({ proxy: p, authorization: 'x\r\nHost: y' }), undefined);
  });
});

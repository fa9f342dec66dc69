import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import '../../support/vscodeStub.ts';
import { identify } from '../../../src/artifacts/identify.ts';
import { typeRow } from '../../../src/artifacts/table.ts';

const { explainText } = await import('../../../src/commands/explainText.ts');

describe('the explanation of a type', () => {
  it('says what decided, where in the order, and what did not and why', () => {
    const type = identify({
      config: { mediaType: 'application/vnd.cncf.helm.config.v1+json' },
      layers: [{ mediaType: 'application/vnd.cncf.helm.chart.content.v1.tar+gzip' }],
    });
    const text = explainText({
      title: 'r.example/chart:1',
      type,
      row: typeRow(type.id),
      pull: 'helm pull oci://r.example/chart --version 1',
      isManifest: true,
    });
    assert.match(text, /^# Helm chart\n/);
    assert.match(text, /config\\\.mediaType = application\\\/vnd\\\.cncf\\\.helm/);
    assert.match(text, /3\. \*\*Media type of the config ← found here\*\*/);
    assert.match(text, /layers\\\[0\\\]\\\.mediaType .*what decided comes before it/);
    assert.match(text, /\]\(<https:\/\/helm\.sh/);
    assert.match(text, /\n {4}helm pull oci:\/\/r\.example\/chart --version 1\n/);
  });

  it('makes nothing of what a registry says but text', () => {
    const evil = '](command:evil) ![x](https://evil.example/x.png) <img src=x> `a` https://evil.example\n# b';
    const type = identify({ artifactType: evil, layers: [{ mediaType: evil }] });
    const row = { id: 'a', name: 'A', match: {}, docs: 'javascript:alert(1)', tool: evil };
    const text = explainText({ title: evil, type, row, pull: `a\n# c ${evil}`, isManifest: true });
    const outside = text.replaceAll(/^ {4}.*$/gm, '').replaceAll(/\\./g, '');
    assert.doesNotMatch(outside, /[<>`[\]!]/);
    assert.doesNotMatch(outside, /https:|javascript:|command:/);
    assert.deepEqual(text.match(/^# .*$/gm)?.length, 1);
  });
});

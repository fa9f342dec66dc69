import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { Browser } from '../../../src/browse/browser.ts';
import type { Node } from '../../../src/browse/node.ts';
import { OciError } from '../../../src/oci/errors.ts';
import { MediaType } from '../../../src/oci/mediaTypes.ts';
import { browsing, named } from '../../support/browsing.ts';
import { canary } from '../../support/canary.ts';
import { remoteOf, serve, type RemoteHarnessOptions } from '../../support/remoteHarness.ts';
import { json, type ScriptedServer } from '../../support/scriptedServer.ts';

const start = 1_700_000_000_000;
const index = JSON.stringify({ schemaVersion: 2, mediaType: MediaType.index, manifests: [] });
const tags = Array.from({ length: 40 }, (_, at) => `v${at}`);
const manifestsOf = ({ seen }: ScriptedServer): number =>
  seen.filter(({ url }) => url.includes('/manifests/')).length;

/** A registry that gives its list of tags, and no manifest while it has enough. */
async function site(t: TestContext, retryAfter: string, options: RemoteHarnessOptions = {}) {
  const at = { now: start, hasEnough: true };
  const server = await serve(t, ({ url }, response) => {
    if (url.includes('/tags/list')) {
      json(response, 200, { tags });
    } else if (at.hasEnough) {
      json(response, 429, {}, { 'retry-after': retryAfter });
    } else {
      response.writeHead(200, { 'content-type': MediaType.index }).end(index);
    }
  });
  const { registry } = remoteOf(t, server, { ...options, now: () => at.now });
  const browser = browsing(registry);
  t.after(() => browser.dispose());
  const repository = browser.find('p', 'app');
  assert.ok(repository);
  const rows = async (): Promise<readonly Node[]> => {
    const all = await browser.children(repository);
    await named(browser, all);
    return all;
  };
  return { at, server, browser, repository, rows };
}

/** Seconds the rows say they are to be asked again after. */
const told = (browser: Browser, rows: readonly Node[]): ReadonlySet<number | undefined> =>
  new Set(
    rows.map((row) => {
      const known = browser.named(row);
      assert.ok(known instanceof OciError && known.code === 'rate-limited');
      return known.facts.retryAfter;
    }),
  );

describe('a page of names, where the registry wants to be left alone for an hour', () => {
  for (const retryAfter of ['3600', new Date(start + 3_600_000).toUTCString()]) {
    it(`is not asked for on, nor anew, before that is over: ${retryAfter}`, async (t) => {
      const { at, server, browser, repository, rows } = await site(t, retryAfter);
      assert.deepEqual([...told(browser, await rows())], [3600]);
      // Those that were under way.
      const asked = manifestsOf(server);
      assert.ok(asked <= 6, String(asked));
      at.now = start + 3_000_000;
      browser.refresh(repository);
      assert.deepEqual([...told(browser, await rows())], [600]);
      assert.equal(manifestsOf(server), asked);
      at.now = start + 3_600_000;
      at.hasEnough = false;
      browser.refresh(repository);
      for (const row of await rows()) {
        assert.ok(!(browser.named(row) instanceof OciError));
      }
      assert.equal(manifestsOf(server), asked + tags.length);
    });
  }

  it('is asked for as soon as one row is had that a person refreshed', async (t) => {
    const { at, server, browser, repository, rows } = await site(t, '3600');
    const [first] = await rows();
    const asked = manifestsOf(server);
    assert.ok(first);
    browser.refresh(first);
    await named(browser, [first]);
    assert.equal(manifestsOf(server), asked + 1);
    at.hasEnough = false;
    browser.refresh(first);
    await named(browser, [first]);
    assert.ok(!(browser.named(first) instanceof OciError));
    browser.refresh(repository);
    for (const row of await rows()) {
      assert.ok(!(browser.named(row) instanceof OciError));
    }
  });

  it('is asked for as another, who may have more left', async (t) => {
    let version = 'nobody';
    const credentials = Object.assign(() => Promise.resolve(canary), {
      version: () => Promise.resolve(version),
    });
    const { at, browser, repository, rows } = await site(t, '3600', { credentials });
    told(browser, await rows());
    at.hasEnough = false;
    version = 'ann';
    browser.refresh(repository);
    for (const row of await rows()) {
      assert.ok(!(browser.named(row) instanceof OciError));
    }
  });

  it('never leaves it alone for longer than six hours', async (t) => {
    const { at, server, browser, repository, rows } = await site(t, '999999999');
    await rows();
    const asked = manifestsOf(server);
    at.now = start + 6 * 3_600_000;
    browser.refresh(repository);
    await rows();
    assert.ok(manifestsOf(server) > asked);
  });
});

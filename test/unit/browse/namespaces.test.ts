import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Browser } from '../../../src/browse/browser.ts';
import type { Node } from '../../../src/browse/node.ts';
import { browsing } from '../../support/browsing.ts';
import { remoteOf, serve } from '../../support/remoteHarness.ts';
import { json } from '../../support/scriptedServer.ts';

const nameOf = (node: Node): string =>
  node.kind === 'group' ? `${node.path}/` : node.kind === 'repository' ? node.repository : node.kind;

/** All rows of names below a node, each indented below the one it stands in, which has to be its parent. */
async function outline(browser: Browser, node: Node, depth = 0): Promise<readonly string[]> {
  const rows: string[] = [];
  for (const child of await browser.children(node)) {
    assert.equal(child.parent, node);
    rows.push(`${' '.repeat(depth)}${nameOf(child)}`);
    rows.push(...(child.kind === 'group' ? await outline(browser, child, depth + 1) : []));
  }
  return rows;
}

describe('an entry of a namespace', () => {
  for (const [namespace, pinned, expected] of [
    [
      undefined,
      [],
      [
        'other/',
        ' other/app',
        'team',
        'team/',
        ' team/app',
        ' team/tools',
        ' team/tools/',
        '  team/tools/cli',
      ],
    ],
    ['team', [], ['team', 'team/app', 'team/tools', 'team/tools/', ' team/tools/cli']],
    // What is pinned from elsewhere stands there with its whole name.
    [
      'team',
      ['other/app'],
      ['other/', ' other/app', 'team', 'team/app', 'team/tools', 'team/tools/', ' team/tools/cli'],
    ],
    ['team/tools', [], ['team/tools', 'team/tools/cli']],
    ['team/tools', ['team/app'], ['team/', ' team/app', 'team/tools', 'team/tools/cli']],
  ] as const) {
    it(`${namespace ?? 'none'} starts below it${pinned.length > 0 ? `, beside ${pinned[0]}` : ''}`, async (t) => {
      const repositories = ['other/app', 'team', 'team/app', 'team/tools', 'team/tools/cli'];
      const server = await serve(t, (_, response) => json(response, 200, { repositories }));
      const { registry } = remoteOf(t, server, { namespace });
      const browser = browsing(registry, { namespace, pinned });
      t.after(() => browser.dispose());
      const [root] = browser.roots();
      assert.ok(root);
      assert.deepEqual(await outline(browser, root), expected);
      // What is gone to stands where the tree has it.
      const found = browser.locate('p', 'team/tools/cli');
      const above: string[] = [];
      for (let node = found?.parent; node; node = node.parent) {
        above.unshift(nameOf(node));
      }
      assert.deepEqual(
        above,
        namespace === undefined
          ? ['place', 'team/', 'team/tools/']
          : namespace === 'team'
            ? ['place', 'team/tools/']
            : ['place'],
      );
    });
  }
});

import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import nls from '../../package.nls.json' with { type: 'json' };
import manifest from '../../package.json' with { type: 'json' };
import schema from '../../src/artifacts/types.schema.json' with { type: 'json' };
import { Command, scheme, View, type Settings } from '../../src/contributions.ts';

const root = join(import.meta.dirname, '../..');
const { contributes } = manifest;
const ids = Object.values(Command).sort();

/** One entry per setting, so that the compiler asks for a new one here and the test asks for it in package.json. */
const settings: Readonly<Record<keyof Settings, string | readonly string[]>> = {
  registries: 'array',
  layouts: 'array',
  plainHttpHosts: 'array',
  certificates: 'object',
  localFolder: 'string',
  artifactTypes: 'array',
  pageSize: 'integer',
  tagOrder: 'string',
  foldTags: 'boolean',
  manifestView: 'string',
  inlayHints: 'boolean',
  'push.keepFileTimes': 'boolean',
  'push.split': 'string',
  'push.compression': 'string',
  'push.largeFile': 'number',
  'push.largeTotal': 'number',
};

/** Settings have no place for definitions: each stands where it is referred to. */
function inlined(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(inlined);
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  const { $ref, ...rest } = value as Readonly<Record<string, unknown>>;
  const name = typeof $ref === 'string' ? $ref.replace('#/definitions/', '') : undefined;
  const definition = schema.definitions[name as keyof typeof schema.definitions];
  const here = Object.fromEntries(Object.entries(rest).map(([key, inner]) => [key, inlined(inner)]));
  return name === undefined ? here : Object.assign({}, inlined(definition), here);
}

describe('package.json and contributions.ts', () => {
  it('have the same commands', () => {
    assert.deepEqual(contributes.commands.map(({ command }) => command).sort(), ids);
  });

  it('have the same settings', () => {
    const found = Object.entries(contributes.configuration.properties).map(
      ([name, { type }]) => [name.replace('ociExplorer.', ''), type] as const,
    );
    assert.deepEqual(Object.fromEntries(found), settings);
  });

  it('and README.md have the same settings', () => {
    const readme = readFileSync(join(root, 'README.md'), 'utf8');
    const told = [...readme.matchAll(/^\| `(ociExplorer\.[\w.]+)`\s+\| \S/gm)].map(([, name]) => name);
    assert.deepEqual(told.sort(), Object.keys(contributes.configuration.properties).sort());
  });

  it('give every setting a default of its own type', () => {
    for (const [name, property] of Object.entries(contributes.configuration.properties)) {
      const value: unknown = property.default;
      const type = Array.isArray(value) ? 'array' : typeof value;
      assert.equal(type, property.type.replace('integer', 'number'), name);
      assert.ok(property.type !== 'integer' || Number.isInteger(value), name);
    }
  });

  it('hold a row of the setting to the same schema as a built-in one', () => {
    const { items, maxItems } = contributes.configuration.properties['ociExplorer.artifactTypes'];
    const { defaultSnippets, ...row } = items;
    assert.equal(defaultSnippets.length, 1);
    assert.equal(maxItems, schema.maxItems);
    assert.deepEqual(row, inlined(schema.items));
  });

  it('have the same view, and activate for the same scheme', () => {
    assert.deepEqual(
      contributes.views[View.container].map(({ id }) => id),
      Object.values(View).filter((id) => id !== View.container),
    );
    assert.ok(manifest.activationEvents.includes(`onFileSystem:${scheme}`));
  });

  it('name only commands that exist, in menus, keys and texts', () => {
    const named = [...Object.values(contributes.menus).flat(), ...contributes.keybindings].map(
      ({ command }) => command,
    );
    const linked = [...JSON.stringify(nls).matchAll(/command:(ociExplorer\.\w+)\)/g)].map(
      ([, id]) => id ?? '',
    );
    assert.deepEqual(
      [...named, ...linked].filter((id) => !(ids as readonly string[]).includes(id)),
      [],
    );
  });

  it('welcome people below Local with ways that are open to them, and with the tour', () => {
    const views = new Set(contributes.viewsWelcome.map(({ view }) => view));
    assert.deepEqual([...views], [View.transfers, View.welcome]);
    const [tour] = contributes.walkthroughs;
    const id = encodeURIComponent(JSON.stringify(`${manifest.publisher}.${manifest.name}#${tour?.id ?? ''}`));
    assert.ok(nls['welcome.more'].includes(`(command:workbench.action.openWalkthrough?${id})`));
    const palette = contributes.menus.commandPalette.find(({ command }) => command === Command.pushWorkspace);
    const push = contributes.viewsWelcome.find(({ contents }) => contents === '%welcome.push%');
    assert.equal(push?.when, palette?.when);
  });

  it('give every command a title and the same category', () => {
    for (const { command, title, category } of contributes.commands) {
      assert.match(title, /^%command\.\w+%$/, command);
      assert.equal(title, `%${command.replace('ociExplorer.', 'command.')}%`);
      assert.equal(category, '%category%', command);
    }
  });

  it('put rows of menus in groups VS Code has, each in a place of its own', () => {
    for (const [menu, items] of Object.entries(contributes.menus)) {
      for (const { command, when, ...item } of items) {
        assert.ok(when.length > 0, `${menu}: ${command} has no condition`);
        if (menu === 'commandPalette') {
          continue;
        }
        const group = 'group' in item ? item.group : '';
        assert.match(group, /^(?:navigation|inline|[1-9]_[a-zA-Z]+)@\d+$/, `${menu}: ${command}`);
      }
    }
  });

  it('show a command with an icon wherever only an icon is seen', () => {
    const icons = new Map(contributes.commands.map((each) => [each.command, 'icon' in each]));
    const seen = [
      ...contributes.menus['view/title'].filter(({ group }) => group.startsWith('navigation')),
      ...contributes.menus['editor/title'].filter(({ group }) => group.startsWith('navigation')),
      ...contributes.menus['view/item/context'].filter(({ group }) => group.startsWith('inline')),
    ];
    assert.deepEqual(
      seen.map(({ command }) => command).filter((command) => icons.get(command) !== true),
      [],
    );
  });

  it('walk through at most five steps, each with its medium and a command that ends it', () => {
    const [walkthrough] = contributes.walkthroughs;
    assert.ok(walkthrough && walkthrough.steps.length <= 5);
    for (const { id, media, completionEvents } of walkthrough.steps) {
      assert.ok(readFileSync(join(root, media.markdown), 'utf8').startsWith('## '), id);
      const ends = completionEvents.map((event) => event.replace('onCommand:', ''));
      assert.ok(ends.length > 0 && ends.every((each) => (ids as readonly string[]).includes(each)), id);
    }
  });

  it('mark words of the walkthrough as the editor reads it, which shows a single star or tick as it is', () => {
    for (const file of globSync('package.nls*.json', { cwd: root })) {
      const texts = JSON.parse(readFileSync(join(root, file), 'utf8')) as Record<string, string>;
      for (const [key, text] of Object.entries(texts)) {
        if (/^(?:walkthrough|welcome)\./.test(key)) {
          assert.doesNotMatch(text.replaceAll(/\*\*[^*]+\*\*|``[^`]+``/g, ''), /[*`]/, `${file}: ${key}`);
        }
      }
    }
  });

  it('have at most three icons on one row of the tree', () => {
    const inline = contributes.menus['view/item/context'].filter(({ group }) => group.startsWith('inline'));
    assert.ok(inline.length > 0);
    for (const kind of ['place', 'group', 'repository', 'tag', 'manifest', 'blob', 'referrers', 'failure']) {
      const slots = inline
        .filter(({ when }) => new RegExp(String.raw`[(|\b]${kind}[)|\\]`).test(when))
        .map(({ group }) => group);
      assert.ok(new Set(slots).size <= 3, `${kind}: ${slots.join(', ')}`);
    }
  });
});

describe('package.nls.json', () => {
  const used = [...JSON.stringify(manifest).matchAll(/"%([^"%]+)%"/g)].map(([, key]) => key ?? '');

  it('has every text package.json names, and no other', () => {
    assert.deepEqual([...new Set(used)].sort(), Object.keys(nls).sort());
  });
});

describe('commands', () => {
  it('are each registered at exactly one place', () => {
    const source = globSync('src/**/*.ts', { cwd: root })
      .map((file) => readFileSync(join(root, file), 'utf8'))
      .join('\n');
    const counts = new Map<string, number>();
    for (const [, key = ''] of source.matchAll(/registerCommand\(\s*Command\.(\w+)/g)) {
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    assert.deepEqual(
      Object.keys(Command).filter((key) => counts.get(key) !== 1),
      [],
    );
  });
});

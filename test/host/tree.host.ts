import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { commands, ConfigurationTarget, env, ThemeIcon, workspace } from 'vscode';
import { createBrowser } from '../../src/browse/createBrowser.ts';
import { createManifestCache } from '../../src/browse/manifestCache.ts';
import type { Browser } from '../../src/browse/browser.ts';
import type { Node } from '../../src/browse/node.ts';
import { Command, View } from '../../src/contributions.ts';
import { copy } from '../../src/oci/copy.ts';
import { localRegistry } from '../../src/oci/layout/localRegistry.ts';
import { parseManifest } from '../../src/oci/manifest.ts';
import { treeItem } from '../../src/views/treeItem.ts';
import { fillSamples } from '../support/samples.ts';
import { test, until } from './harness.ts';

const localFolder = (): string => workspace.getConfiguration('ociExplorer').get<string>('localFolder') ?? '';

let isFilled = false;

/** The samples in Local, made once. */
async function samples(): Promise<string> {
  if (!isFilled) {
    await fillSamples(localFolder());
    isFilled = true;
  }
  return localFolder();
}

/** What is selected in the view, as *Copy Reference* calls it; empty when nothing is. */
async function selected(): Promise<string> {
  await env.clipboard.writeText('');
  // With nothing selected it asks which one.
  const close = setInterval(() => void commands.executeCommand('workbench.action.closeQuickOpen'), 500);
  try {
    await commands.executeCommand(Command.copyReference);
  } finally {
    clearInterval(close);
  }
  return env.clipboard.readText();
}

/** Shows a target in the tree until it is what is selected. */
async function show(
  target: { readonly place: string; readonly repository: string; readonly ref?: string },
  text: string,
): Promise<void> {
  await until(text, async () => {
    await commands.executeCommand(Command.showInTree, target);
    // The selection comes by an event of its own.
    await new Promise((resolve) => setTimeout(resolve, 250));
    return (await selected()) === text;
  });
}

/** Runs a command of the list, which the editor refuses while it draws the rows anew. */
async function inList(command: string): Promise<void> {
  await until(command, async () =>
    commands.executeCommand(command).then(
      () => true,
      () => false,
    ),
  );
}

/** Moves the selection of the tree, which has the focus, one row down. */
async function down(): Promise<void> {
  await inList('list.focusDown');
  await inList('list.select');
}

/** Every row below a node, names come. */
async function rows(browser: Browser, node: Node): Promise<Node[]> {
  const children = await browser.children(node);
  await until('names', () =>
    children.every((child) => (child.kind !== 'tag' && child.kind !== 'manifest') || browser.named(child)),
  );
  const below = [];
  for (const child of children) {
    below.push(child, ...(await rows(browser, child)));
  }
  return below;
}

test('rows of Local are items with a type, an icon and flags, down to the layers', async () => {
  const folder = await samples();
  const place = {
    id: 'local',
    name: 'Local',
    kind: 'local',
    host: folder,
    pinned: [],
    pinnedOnly: false,
    countsReads: false,
    registry: localRegistry(folder),
  } as const;
  const browser = createBrowser({
    places: { all: () => [place], get: () => place },
    cache: createManifestCache(),
    settings: () => ({ pageSize: 100, tagOrder: 'semver', foldTags: true }),
  });
  const [root] = browser.roots();
  assert.ok(root);
  const all = await rows(browser, root);
  const items = new Map(all.map((node) => [node, treeItem(node, browser)]));
  const types = new Set<string>();
  for (const [node, item] of items) {
    if (node.kind !== 'note') {
      const [type = ''] = String(item.description).split(' · ');
      types.add(type);
      assert.notEqual(type, '', node.id);
      assert.ok(item.iconPath instanceof ThemeIcon, node.id);
      assert.ok(item.contextValue?.split(';').includes(node.kind), node.id);
    }
  }
  for (const type of ['Helm chart', 'Image index', 'SPDX SBOM', 'Notation signature', 'Cosign signature']) {
    assert.ok(types.has(type), `${type} of ${[...types].join(', ')}`);
  }
  assert.equal(new Set([...items.values()].map(({ id }) => id)).size, items.size);
  const index = [...items].find(([node]) => node.kind === 'tag' && node.tag === '1.4.2')?.[1];
  assert.deepEqual(index?.contextValue?.split(';'), ['index', 'local', 'tag']);
  const layer = [...items].find(([node]) => node.kind === 'blob' && node.role === 'layer')?.[1];
  assert.deepEqual(layer?.contextValue?.split(';'), ['blob', 'layer', 'local']);
  browser.dispose();
});

test('Show in Tree selects a tag, a digest and a repository in nested groups', async () => {
  const folder = await samples();
  await commands.executeCommand(`${View.registries}.focus`);
  await commands.executeCommand(Command.refresh);
  const { digest } = await localRegistry(folder).repository('shop/app').resolve('1.4.1');
  for (const [target, text] of [
    [{ repository: 'shop/app', ref: '1.4.2' }, `${folder}/shop/app:1.4.2`],
    [{ repository: 'shop/app', ref: digest }, `${folder}/shop/app@${digest}`],
    [{ repository: 'charts/lighthouse' }, `${folder}/charts/lighthouse`],
  ] as const) {
    await show({ place: 'local', ...target }, text);
  }
});

test('the tree expands to a layer', async () => {
  const folder = await samples();
  const repository = localRegistry(folder).repository('charts/lighthouse');
  const { bytes, descriptor } = await repository.manifest('1.0.0');
  const manifest = parseManifest(bytes, descriptor.mediaType);
  assert.ok(manifest.kind === 'manifest' && manifest.layers[0]);
  const layer = `${folder}/charts/lighthouse@${manifest.layers[0].digest}`;
  const tag = { place: 'local', repository: 'charts/lighthouse', ref: '1.0.0' };
  const isLayer = async (): Promise<boolean> => {
    await show(tag, `${folder}/charts/lighthouse:1.0.0`);
    // The first time it expands; then it goes to the first child, the config, behind which the layer stands.
    await inList('list.expand');
    await down();
    return (await selected()) === layer;
  };
  await until(layer, isLayer, 40_000);
}, 60_000);

test('collapsing ends what was asked, and expanding asks again', async () => {
  const open = new Set<string>();
  let isHeld = true;
  let asked = 0;
  const server = createServer((request, response) => {
    const url = request.url ?? '';
    open.add(url);
    response.once('close', () => open.delete(url));
    const isTags = url.includes('/tags/list');
    asked += isTags ? 1 : 0;
    if (isTags && isHeld) {
      return;
    }
    const body = isTags ? { tags: ['v1'] } : url.includes('_catalog') ? { repositories: ['app'] } : undefined;
    response.writeHead(body ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body ?? { errors: [] }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const settings = workspace.getConfiguration('ociExplorer');
  await settings.update('registries', [{ host }], ConfigurationTarget.Global);
  try {
    await show({ place: host, repository: 'app' }, `${host}/app`);
    await inList('list.expand');
    await until('the request', () => open.size === 1);
    await inList('list.collapse');
    await until('the end of the request', () => open.size === 0);
    isHeld = false;
    const before = asked;
    await inList('list.expand');
    await until('a new request', () => asked > before);
    await until('the tag', async () => {
      await down();
      return (await selected()) === `${host}/app:v1`;
    });
  } finally {
    await settings.update('registries', undefined, ConfigurationTarget.Global);
    server.closeAllConnections();
    server.close();
  }
});

/** Runs a script in a process of its own. */
async function elsewhere(script: string, ...args: readonly string[]): Promise<void> {
  const env = { ...process.env, ELECTRON_RUN_AS_NODE: '1' };
  await promisify(execFile)(process.execPath, ['-e', script, ...args], { env });
}

/** Gives the first manifest of a layout one more tag, as any tool may. */
const addTag = `
  const fs = require('node:fs');
  const [, file, tag] = process.argv;
  const index = JSON.parse(fs.readFileSync(file, 'utf8'));
  const [first] = index.manifests;
  index.manifests.push({ ...first, annotations: { 'org.opencontainers.image.ref.name': tag } });
  fs.writeFileSync(file, JSON.stringify(index));
`;

/** Waits until the first row below an open one is that of `text`. */
async function showsFirst(
  above: { readonly place: string; readonly repository: string },
  aboveText: string,
  text: string,
): Promise<void> {
  await until(text, async () => {
    await show(above, aboveText);
    await down();
    return (await selected()) === text;
  });
}

test('what another program writes to Local or to an open layout is shown without Refresh', async () => {
  const folder = await samples();
  const [chart, opened] = [path.join(folder, 'charts/lighthouse'), path.join(folder, '../opened')];
  await cp(chart, opened, { recursive: true });
  const settings = workspace.getConfiguration('ociExplorer');
  await settings.update('layouts', [opened], ConfigurationTarget.Global);
  const layout = `layout:${opened}`;
  try {
    for (const [place, repository, text, file] of [
      ['local', 'charts/lighthouse', chart, chart],
      [layout, 'opened', opened, opened],
    ] as const) {
      await show({ place, repository }, text);
      await inList('list.expand');
      await showsFirst({ place, repository }, text, `${text}:1.0.0`);
      // What watches may start a moment after the tree is shown.
      await until(
        'a watcher',
        async () => {
          await elsewhere(addTag, path.join(file, 'index.json'), '9.0.0');
          return showsFirst({ place, repository }, text, `${text}:9.0.0`).then(
            () => true,
            () => false,
          );
        },
        40_000,
      );
    }
    const [first = ''] = (await readdir(folder)).sort();
    const copy = "require('node:fs').cpSync(process.argv[1], process.argv[2], { recursive: true })";
    await elsewhere(copy, chart, path.join(folder, 'aaa'));
    const local = { place: 'local', repository: '' };
    await showsFirst(local, folder, path.join(folder, 'aaa'));
    await elsewhere(
      "require('node:fs').rmSync(process.argv[1], { recursive: true })",
      path.join(folder, 'aaa'),
    );
    await showsFirst(local, folder, path.join(folder, first));
  } finally {
    await settings.update('layouts', undefined, ConfigurationTarget.Global);
  }
}, 60_000);

test('Show Tags of Manifest… lists the names of a row, and goes to the one that is chosen', async () => {
  const folder = await samples();
  const from = localRegistry(folder).repository('shop/app');
  const to = localRegistry(folder).repository('marked/app');
  await to.tag(await copy(from, '1.4.2', to, '1.0.0'), 'stable');
  const [repository, text] = ['marked/app', path.join(folder, 'marked/app')];
  try {
    await show({ place: 'local', repository, ref: '1.0.0' }, `${text}:1.0.0`);
    // The row that was clicked; what is selected may change with what else the tree is told.
    const place = { id: 'local', name: 'Local', host: folder };
    const row = { kind: 'tag', id: 'row', place, repository, tag: '1.0.0' };
    // One question at a time; what is chosen of it before it is there chooses nothing, and is chosen again.
    let question: Promise<unknown> | undefined;
    await until(
      'the other tag',
      async () => {
        question ??= Promise.resolve(commands.executeCommand(Command.showTags, row)).finally(() => {
          question = undefined;
        });
        // A question that comes between the two commands would be answered by its first row; then it is asked once more.
        await new Promise((resolve) => setTimeout(resolve, 250));
        // Where it was answered before, the last row looks again, and asks again without that row.
        await commands.executeCommand('quickInput.last');
        await commands.executeCommand('workbench.action.acceptSelectedQuickOpenItem');
        await new Promise((resolve) => setTimeout(resolve, 250));
        return (await selected()) === `${text}:stable`;
      },
      40_000,
    );
    await commands.executeCommand('workbench.action.closeQuickOpen');
  } finally {
    await rm(path.join(folder, 'marked'), { recursive: true, force: true });
  }
}, 60_000);

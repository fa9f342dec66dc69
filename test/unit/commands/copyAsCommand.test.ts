import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import '../../support/vscodeStub.ts';
import { builtInTable } from '../../../src/artifacts/table.ts';
import { bodyOf } from '../../../src/base/bytes.ts';
import { Command } from '../../../src/contributions.ts';
import { Annotation } from '../../../src/oci/descriptor.ts';
import { MediaType } from '../../../src/oci/mediaTypes.ts';
import { MemoryStore } from '../../../src/oci/memory.ts';
import type { Registry } from '../../../src/oci/store.ts';
import { content, manifestOf } from '../../contract/content.ts';
import { commandServices, placeOf } from '../../support/commandServices.ts';
import { scriptedWindow } from '../../support/scriptedWindow.ts';

const vscode = (await import('vscode')) as unknown as Parameters<typeof scriptedWindow>[0];
const { registerCopyAsCommand } = await import('../../../src/commands/copyAsCommand.ts');
const { commandToPull } = await import('../../../src/commands/pullTarget.ts');
const { isRefNode } = await import('../../../src/commands/targets.ts');
const window = scriptedWindow(vscode);

describe('Copy as Command', () => {
  it('offers what each tool can do with a tag, and copies the chosen one', async () => {
    const store = new MemoryStore();
    const registry: Registry = {
      kind: 'remote',
      repository: () => store,
      repositories: () => Promise.resolve({ items: ['team/app'] }),
    };
    const [config, layer] = [content(MediaType.empty, '{}'), content('text/plain', 'a')];
    const made = manifestOf(
      config,
      [{ ...layer, descriptor: { ...layer.descriptor, annotations: { [Annotation.title]: 'a.txt' } } }],
      { artifactType: 'application/vnd.acme' },
    );
    for (const each of [config, layer]) {
      await store.push(each.descriptor, bodyOf(each.bytes));
    }
    await store.push(made.descriptor, bodyOf(made.bytes), { tag: '1' });
    const commands = commandServices([placeOf(registry, 'Work', 'host:5000')]);
    const { services } = commands;
    const network = { scheme: () => 'https', trusted: () => 'PEM', insecureBy: () => undefined };
    Object.assign(services, { network });
    registerCopyAsCommand(services);
    const node = services.browser.locate('Work', 'team/app', '1');
    window.script('oras push');
    await window.run(Command.copyAsCommand, node);
    assert.deepEqual(
      window.shown[0]?.choices.filter((label) => / (?:pull|copy|push)$/.test(label)),
      [
        ...['oras pull', 'regctl pull', 'crane pull', 'skopeo pull'],
        ...['oras copy', 'regctl copy', 'crane copy', 'skopeo copy'],
        ...['oras push', 'regctl push'],
      ],
    );
    assert.equal(
      window.clipboard,
      'oras push --insecure --artifact-type application/vnd.acme host:5000/team/app:1 a.txt:text/plain',
    );
    const folder = {
      ...layer,
      descriptor: {
        ...layer.descriptor,
        mediaType: MediaType.layerTarZstd,
        annotations: { [Annotation.title]: 'site', [Annotation.unpack]: 'true' },
      },
    };
    const packed = manifestOf(config, [folder], { artifactType: 'application/vnd.acme' });
    await store.push(packed.descriptor, bodyOf(packed.bytes), { tag: '2' });
    window.clipboard = 'before';
    // What a tool cannot do is shown, and copies nothing.
    window.script('$(circle-slash) oras pull');
    await window.run(Command.copyAsCommand, services.browser.locate('Work', 'team/app', '2'));
    assert.deepEqual(
      window.shown[0].choices.filter((label) => label.startsWith('$(circle-slash)')),
      ['oras pull', 'oras push', 'regctl push'].map((label) => `$(circle-slash) ${label}`),
    );
    assert.equal(window.clipboard, 'before');
    // Nor does it stand where one command is copied.
    Object.assign(services, { types: { table: () => builtInTable } });
    const pulls = ['1', '2'].map(async (tag) => {
      const at = services.browser.locate('Work', 'team/app', tag);
      assert.ok(isRefNode(at));
      const named = await services.browser.complete(at);
      assert.ok(named);
      return commandToPull(at, named, services);
    });
    assert.deepEqual(await Promise.all(pulls), [
      'oras pull host:5000/team/app:1',
      'mkdir -p app && regctl artifact get --host reg=host:5000,tls=insecure --strip-dirs --output app host:5000/team/app:2',
    ]);
    window.script('Escape');
    await window.run(Command.copyAsCommand, node);
    assert.equal(window.clipboard, 'before');
    commands.dispose();
  });
});

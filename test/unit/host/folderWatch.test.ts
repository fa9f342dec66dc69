import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Browser } from '../../../src/browse/browser.ts';
import type { Place } from '../../../src/browse/place.ts';
import type { Change } from '../../../src/host/events.ts';
import { createFolderWatch } from '../../../src/host/folderWatch.ts';
import type { WatchOptions } from '../../../src/oci/layout/watchFolder.ts';
import { refreshChanged } from '../../../src/views/refreshChanged.ts';

const place = (id: string, kind: Place['kind'], host: string): Place => ({ id, kind, host }) as Place;

describe('folders that are watched', () => {
  it('are Local and open layouts, as the settings have them, from when the tree is looked at', () => {
    let all = [
      place('local', 'local', '/local'),
      place('layout', 'layout', '/layout'),
      place('remote', 'remote', 'localhost:5000'),
    ];
    const listeners: (() => void)[] = [];
    const watches = new Map<string, WatchOptions>();
    const told: Change[] = [];
    const watch = createFolderWatch({
      places: {
        all: () => all,
        onDidChange: (listener: () => void) => {
          listeners.push(listener);
          return { dispose: () => undefined };
        },
      },
      changed: (change) => told.push(change),
      watch: (folder, options) => {
        assert.ok(!watches.has(folder), 'Watched once');
        watches.set(folder, options);
        return { dispose: () => watches.delete(folder) };
      },
    });
    assert.equal(watches.size, 0);
    watch.start();
    watch.start();
    assert.deepEqual([...watches.keys()], ['/local', '/layout']);
    watches.get('/local')?.changed('team/app', false);
    watches.get('/local')?.changed('web', true);
    watches.get('/layout')?.changed('', false);
    assert.deepEqual(told, [
      { place: 'local', repository: 'team/app', elsewhere: 'content' },
      { place: 'local', repository: 'web', elsewhere: 'names' },
      { place: 'layout', repository: undefined, elsewhere: 'content' },
    ]);
    all = all.filter(({ id }) => id !== 'layout');
    listeners.forEach((listener) => listener());
    assert.deepEqual([...watches.keys()], ['/local']);
    watch.dispose();
    assert.equal(watches.size, 0);
  });
});

describe('a change elsewhere', () => {
  it('asks again for what changed alone', () => {
    const asked: unknown[] = [];
    const browser = {
      roots: () => [{ id: 'local', place: { id: 'local', kind: 'local' } }],
      find: (...at: readonly string[]) => `repository ${at.join()}`,
      group: (...at: readonly string[]) => `group ${at.join()}`,
      locate: () => assert.fail('It gets no row of its own'),
      refresh: (node: unknown) => asked.push(node),
    } as unknown as Browser;
    refreshChanged({ place: 'local', repository: 'app', elsewhere: 'content' }, browser);
    refreshChanged({ place: 'local', repository: 'app', elsewhere: 'names' }, browser);
    assert.deepEqual(asked, ['repository local,app', 'repository local,app', 'group local,app']);
  });
});

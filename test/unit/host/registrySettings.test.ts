import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  mergeRegistries,
  parseRegistries,
  placeId,
  withName,
  withoutRegistry,
  withPinned,
  withPinnedOnly,
  withRegistry,
} from '../../../src/host/registrySettings.ts';

describe('registries of the settings', () => {
  it('are read past everything a hand-edited file can hold', () => {
    assert.deepEqual(parseRegistries('ghcr.io'), []);
    assert.deepEqual(
      parseRegistries([
        null,
        'x',
        { host: 7 },
        { host: 'https://evil.example/' },
        { host: 'a.example@evil.example' },
        { host: ' GHCR.io ', name: '  ', repositories: ['ok/app', '../no', 5, 'ok/app'], pinnedOnly: 'yes' },
        { host: 'index.docker.io', pinnedOnly: true, password: 'secret' },
        { host: 'ghcr.io/My-Org/' },
        { host: 'docker.io', namespace: ' library ' },
        { host: 'docker.io', namespace: '../x' },
        { host: 'docker.io/library/../x' },
      ]),
      [
        { host: 'ghcr.io', repositories: ['ok/app'] },
        { host: 'docker.io', pinnedOnly: true },
        { host: 'ghcr.io', namespace: 'my-org' },
        { host: 'docker.io', namespace: 'library' },
      ],
    );
  });

  it('of one host are told apart by their names', () => {
    assert.deepEqual(
      [
        { host: 'a.example' },
        { host: 'a.example', name: 'work' },
        { host: 'a.example', name: 'a.example' },
        { host: 'a.example', namespace: 'team' },
        { host: 'a.example', namespace: 'team', name: 'work' },
      ].map(placeId),
      ['a.example', 'a.example#work', 'a.example', 'a.example/team', 'a.example/team#work'],
    );
  });

  it('of the user and the workspace are one list, pinned repositories together', () => {
    const merged = mergeRegistries([
      [{ host: 'a.example', repositories: ['x'] }, { host: 'b.example' }],
      [
        { host: 'a.example', repositories: ['y', 'x'] },
        { host: 'a.example', name: 'work' },
      ],
    ]);
    assert.deepEqual(merged, [
      { host: 'a.example', repositories: ['x', 'y'] },
      { host: 'b.example' },
      { host: 'a.example', name: 'work' },
    ]);
  });

  it('keep their namespace, whatever else of them changes', () => {
    const entry = { host: 'a.example', namespace: 'team' } as const;
    const pinned = withPinned([entry], 'a.example/team', 'team/app', true);
    const only = withPinnedOnly(pinned, 'a.example/team', true);
    assert.deepEqual(withName(only, 'a.example/team', 'work'), [
      { ...entry, name: 'work', repositories: ['team/app'], pinnedOnly: true },
    ]);
    assert.deepEqual(withName([{ ...entry, name: 'work' }], 'a.example/team#work', ''), [entry]);
  });

  it('are added, pinned, unpinned and removed by id', () => {
    const one = withRegistry([], { host: 'a.example' });
    const two = withRegistry(one, { host: 'a.example', name: 'work' });
    const pinned = withPinned(two, 'a.example#work', 'team/app', true);
    assert.deepEqual(pinned[1], { host: 'a.example', name: 'work', repositories: ['team/app'] });
    assert.deepEqual(withPinned(pinned, 'a.example#work', 'team/app', false), two);
    assert.deepEqual(withoutRegistry(pinned, 'a.example#work'), one);
  });
});

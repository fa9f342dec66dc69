import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Annotation } from '../../../src/oci/descriptor.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { isOciError, type ErrorCode } from '../../../src/oci/errors.ts';
import { planPull } from '../../../src/packaging/pullPlan.ts';
import { createPullSite, folderLayerOf, layerOf, manifestOf, type PullSite } from '../../support/pullSite.ts';
import { pax, rawTar, type RawEntry } from '../../support/tars.ts';

let site: PullSite;
beforeEach(async () => {
  site = await createPullSite();
});
afterEach(() => site.remove());

describe('a hostile artifact', () => {
  const file: RawEntry = { name: 'd/a', content: '1' };
  const archives: Readonly<Record<string, readonly [ErrorCode, readonly RawEntry[]]>> = {
    'an absolute name': ['path-unsafe', [file, { name: '/etc/x', content: '1' }]],
    'a name that leads upwards': ['path-unsafe', [file, { name: 'd/../../x', content: '1' }]],
    'a folder that leads upwards': ['path-unsafe', [{ name: '..', flag: '5' }]],
    'a backslash': ['path-unsafe', [{ name: 'd\\..\\x', content: '1' }]],
    'a drive': ['path-unsafe', [{ name: 'C:x', content: '1' }]],
    'a PAX name that leads upwards': ['path-unsafe', [pax({ path: '../x' }), file]],
    'a GNU name that leads upwards': ['path-unsafe', [{ name: 'x', flag: 'L', content: '../x\0' }, file]],
    'a prefix that leads upwards': ['path-unsafe', [{ ...file, prefix: '..' }]],
    'a name of 300 bytes': ['path-unsafe', [pax({ path: 'x'.repeat(300) }), file]],
    'folders 400 deep': [
      'path-unsafe',
      [pax({ path: 'x/'.repeat(400) }), { ...file, flag: '5', content: '' }],
    ],
    'one name twice': ['path-unsafe', [file, file]],
    'a file and a link of one name': ['path-unsafe', [file, { name: 'd/a', flag: '2', target: 'b' }]],
    'a file below a file': ['path-unsafe', [file, { name: 'd/a/b', content: '1' }]],
    'a file below a link': [
      'path-unsafe',
      [
        { name: 'd/l', flag: '2', target: '/tmp' },
        { name: 'd/l/x', content: '1' },
      ],
    ],
    'a link where a folder is': ['path-unsafe', [file, { name: 'd', flag: '2', target: '/tmp' }]],
    'a hard link upwards': ['path-unsafe', [{ name: 'd/h', flag: '1', target: '../../etc/passwd' }]],
    'a hard link to an absolute name': ['path-unsafe', [{ name: 'd/h', flag: '1', target: '/etc/passwd' }]],
    'a hard link to what is not in it': [
      'archive-invalid',
      [{ name: 'd/h', flag: '1', target: 'd/nothing' }],
    ],
    'a hard link to a folder': ['archive-invalid', [file, { name: 'd/h', flag: '1', target: 'd' }]],
    'a hard link to itself': ['archive-invalid', [{ name: 'd/h', flag: '1', target: 'd/h' }]],
    'a file without a name': ['archive-invalid', [{ name: './', flag: '2', target: 'x' }]],
    'a sparse file': ['archive-invalid', [pax({ 'GNU.sparse.major': '1' }), file]],
    'a size that swallows the next header': ['archive-invalid', [pax({ size: '99999' }), file]],
    'nothing but text': ['archive-invalid', []],
  };
  for (const [name, [code, entries]] of Object.entries(archives)) {
    it(`with ${name} is refused`, async () => {
      const bad = name === 'nothing but text' ? gzipSync('x'.repeat(4000)) : gzipSync(rawTar(entries));
      const layers = [
        await layerOf('good', 'good'),
        await layerOf('d', bad, { [Annotation.unpack]: 'true' }),
      ];
      await writeFile(join(site.target, 'good'), 'mine');
      await site.fails([code], () => site.stage(layers));
    });
  }

  const titles: readonly (readonly string[])[] = [
    ['/etc/x'],
    ['../x'],
    ['a/../../x'],
    ['a\\b'],
    ['C:\\x'],
    ['CON'],
    ['a/nul.txt'],
    ['a:b'],
    ['a.'],
    ['a\0b'],
    ['x'.repeat(300)],
    ['.'],
    ['a', 'A'],
    ['a', './a'],
    ['é', 'e\u0301'],
    ['a', 'a/b'],
  ];
  for (const names of titles) {
    it(`with the title ${JSON.stringify(names).slice(0, 40)} is refused before anything is fetched`, async () => {
      const layers = await Promise.all(names.map((name, index) => layerOf(name, String(index))));
      assert.throws(
        () => planPull(manifestOf(...layers)),
        (error) => isOciError(error, 'path-unsafe'),
      );
    });
  }

  it('whose layers want one file is refused', async () => {
    const layers = [await folderLayerOf('d', [{ name: 'd/a', content: '1' }]), await layerOf('d/a', '2')];
    await site.fails(['path-taken'], () => site.stage(layers));
  });

  it('that would go through a link of another layer is refused', async () => {
    const layers = [
      await folderLayerOf('d', [{ name: 'd/l', flag: '2', target: 'x' }]),
      await layerOf('d/l/x', '2'),
    ];
    await site.fails(['path-taken'], () => site.stage(layers));
  });

  it('that lies about the tar in it is refused', async () => {
    const bad = await layerOf('d', gzipSync(rawTar([file])), {
      [Annotation.unpack]: 'true',
      [Annotation.contentDigest]: digestOf(Buffer.from('other')),
    });
    await site.fails(['digest-mismatch'], () => site.stage([bad]));
  });

  it('that lies about the size of a layer is refused', async () => {
    const good = await layerOf('a', 'alpha');
    await site.fails(['size-mismatch'], () => site.stage([{ ...good, size: 4 }]));
    await site.fails(['size-mismatch'], () => site.stage([{ ...good, size: 6 }]));
    await site.fails(['disk-full'], () => site.stage([{ ...good, size: Number.MAX_SAFE_INTEGER }]));
  });
});

import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { readChart, type Chart } from '../../../src/packaging/chart.ts';
import { planPush } from '../../../src/packaging/plan.ts';
import { rawEntry, type RawEntry } from '../../support/tars.ts';

describe('readChart', () => {
  let work: string;
  before(async () => {
    work = await mkdtemp(join(tmpdir(), 'oci-chart-'));
  });
  after(() => rm(work, { recursive: true }));

  const read = async (title: string): Promise<Chart | undefined> => {
    const { layers } = await planPush([{ title, path: join(work, title) }], { largeFile: 1e9 });
    const [layer] = layers;
    assert.ok(layer);
    return readChart(layer);
  };
  const ofFolder = async (text: string | Buffer): Promise<Chart | undefined> => {
    await mkdir(join(work, 'folder'), { recursive: true });
    await writeFile(join(work, 'folder/Chart.yaml'), text);
    return read('folder');
  };
  const ofArchive = async (...entries: readonly RawEntry[]): Promise<Chart | undefined> => {
    const tar = Buffer.concat([...entries.map(rawEntry), Buffer.alloc(1024)]);
    await writeFile(join(work, 'a.tgz'), gzipSync(tar));
    return read('a.tgz');
  };
  const config = (chart: Chart | undefined): unknown =>
    chart && JSON.parse(Buffer.from(chart.config).toString());
  const content = 'name: sail\nversion: 1.2.3\n';

  it('takes the chart of a folder, and of an archive not the charts within it', async () => {
    assert.deepEqual(config(await ofFolder(content)), { name: 'sail', version: '1.2.3' });
    const chart = await ofArchive(
      { name: 'sail/charts/wind/Chart.yaml', content: 'name: wind\nversion: 1.0.0\n' },
      { name: 'sail/Chart.yaml', content },
    );
    assert.equal(chart?.name, 'sail');
  });

  it('sees plain texts as helm does', async () => {
    const text = 'name: sail\nversion: 1.0\nappVersion: yes\ndescription: "1.0"\ndeprecated: yes\n';
    assert.deepEqual(config(await ofFolder(text)), {
      name: 'sail',
      version: '1',
      appVersion: 'true',
      description: '1.0',
      deprecated: true,
    });
  });

  it('is none without a plain name and a version, or without a Chart.yaml', async () => {
    for (const text of ['', '- a\n', 'name: sail\n', 'version: 1.2.3\n', 'name: ../sail\nversion: 1.2.3\n']) {
      assert.equal(await ofFolder(text), undefined, text);
    }
    assert.equal(await ofArchive({ name: 'sail/values.yaml', content }), undefined);
    assert.equal(await ofArchive({ name: 'sail/Chart.yaml', flag: '2', target: '/etc/passwd' }), undefined);
    await writeFile(join(work, 'b.txt'), content);
    assert.equal(await read('b.txt'), undefined);
    assert.equal(await ofFolder(`${content}#${'x'.repeat(300_000)}`), undefined);
  });

  it('says where a Chart.yaml is wrong', async () => {
    for (const [text, problem] of [
      ['name: [sail]\n', /^Chart\.yaml of folder, name is no text$/],
      [`${content}maintainers:\n  - Ann\n`, /maintainers\[0\] is no map$/],
      [`${content}annotations: [a]\n`, /annotations is no map$/],
      [`${content}deprecated: maybe\n`, /deprecated is neither true nor false$/],
      [`${content}keywords: a\n`, /keywords is no list$/],
      [`${content}x: &a 1\n`, /line 3: & is not understood$/],
      [Buffer.from([0x61, 0x3a, 0x20, 0xff]), /^Chart\.yaml of folder, /],
    ] as const) {
      await assert.rejects(ofFolder(text), { code: 'file-error', message: problem });
    }
  });

  it('is stopped by an archive that is damaged, or made to fill memory', async () => {
    await writeFile(join(work, 'a.tgz'), gzipSync(Buffer.from('no tar')));
    await assert.rejects(read('a.tgz'), { code: 'archive-invalid' });
    const bomb = gzipSync(
      Buffer.concat([rawEntry({ name: 'a/b', content: Buffer.alloc(80 * 1024 * 1024) })]),
    );
    await writeFile(join(work, 'a.tgz'), bomb);
    await assert.rejects(read('a.tgz'), { code: 'ratio-exceeded' });
  });
});

import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { run } from '../support/run.ts';

const root = join(import.meta.dirname, '../../src');

describe('the core', () => {
  it('is imported by plain Node as it is, file by file, and does nothing by itself', async () => {
    const files = globSync('{base,oci,auth,artifacts,archive,packaging,browse}/**/*.ts', {
      cwd: root,
      exclude: ['**/*.d.ts'],
    }).sort();
    assert.ok(files.length > 80, `${files.length} files`);
    const urls = files.map((file) => pathToFileURL(join(root, file)).href);
    // A process of its own, that ends by itself: no file leaves a timer, a socket or a worker behind.
    const script = `for (const url of ${JSON.stringify(urls)}) {
      await import(url).catch((error) => { console.log(url, error); });
    }`;
    const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '--eval', script]);
    assert.deepEqual([stdout, stderr], ['', '']);
  });
});

import assert from 'node:assert/strict';
import { writeFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { build } from 'esbuild';
import { run } from '../../../support/run.ts';

const root = join(import.meta.dirname, '../../../..');

/** Loads the bundle, with anything for `vscode`, and prints what became of the process-wide dispatchers. */
const program = `
const symbols = ['undici.globalDispatcher.1', 'undici.globalDispatcher.2'].map((name) => Symbol.for(name));
const { fetch } = globalThis;
const mine = { dispatch() {} };
Object.defineProperty(globalThis, symbols[0], { value: mine, configurable: true, writable: true });
const anything = new Proxy(class {}, { get: (target, key) => key in target ? target[key] : anything, apply: () => anything });
const { Module } = require('node:module');
const load = Module._load;
Module._load = function (name, ...rest) { return name === 'vscode' ? anything : load.call(this, name, ...rest); };
const bundle = require('./extension.cjs');
const { value, configurable, writable } = Object.getOwnPropertyDescriptor(globalThis, symbols[0]);
console.log(JSON.stringify([
  typeof bundle.activate, value === mine, configurable, writable, symbols[1] in globalThis, globalThis.fetch === fetch,
]));
`;

it('the bundle leaves the dispatcher of the process as it was, for every other extension', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'oci-bundle-'));
  t.after(() => rm(folder, { recursive: true }));
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ['src/extension.ts'],
    outfile: join(folder, 'extension.cjs'),
    bundle: true,
    format: 'cjs',
    platform: 'node',
    external: ['vscode'],
    mainFields: ['module', 'main'],
    metafile: true,
    logLevel: 'silent',
  });
  const inputs = Object.keys(metafile.inputs);
  assert.ok(inputs.some((file) => file.endsWith('undici/lib/dispatcher/agent.js')));
  assert.deepEqual(
    inputs.filter((file) => /undici\/(?:index|lib\/global)\.js$/.test(file)),
    [],
  );
  await writeFile(join(folder, 'load.cjs'), program);
  const { stdout } = await run(process.execPath, ['load.cjs'], { cwd: folder });
  assert.deepEqual(JSON.parse(stdout), ['function', true, true, true, false, true]);
});

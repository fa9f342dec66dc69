import { build } from 'esbuild';
import { writeFile } from 'node:fs/promises';

const production = process.argv.includes('--production');

const result = await build({
  entryPoints: ['src/extension.ts'],
  outfile: 'dist/extension.cjs',
  bundle: true,
  format: 'cjs',
  platform: 'node',
  target: 'node22.19',
  external: ['vscode'],
  minify: production,
  sourcemap: production ? false : 'linked',
  metafile: true,
  logLevel: 'warning',
});
await writeFile('dist/meta.json', JSON.stringify(result.metafile));

import { build as bundle } from 'esbuild';
import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { root } from '../support/cache.ts';

/** The suites as one CommonJS file with `run(): Promise<void>`, for the extension host. */
export async function bundleHostSuites(pattern: string, outfile: string, results: string): Promise<void> {
  const suites = globSync(pattern, { cwd: path.join(root, 'test/host') }).sort();
  const entry = [
    ...suites.map((file) => `import './${file.replaceAll('\\', '/')}';`),
    `import { runHostTests } from './harness.ts';`,
    `export const run = () => runHostTests(${JSON.stringify(results)});`,
  ];
  await bundle({
    stdin: { contents: entry.join('\n'), resolveDir: path.join(root, 'test/host'), loader: 'ts' },
    outfile,
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node22.19',
    external: ['vscode'],
    sourcemap: 'inline',
    logLevel: 'warning',
    plugins: [
      {
        // CommonJS has no import.meta; each file knows its folder all the same.
        name: 'import-meta-dirname',
        setup: (build) => {
          build.onLoad({ filter: /test[\\/].*\.ts$/ }, async ({ path: file }) => ({
            contents: (await readFile(file, 'utf8')).replaceAll(
              'import.meta.dirname',
              JSON.stringify(path.dirname(file)),
            ),
            loader: 'ts',
          }));
        },
      },
    ],
  });
}

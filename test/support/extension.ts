import { statSync } from 'node:fs';
import path from 'node:path';
import { root, timed } from './cache.ts';
import { run } from './run.ts';

/** Builds `dist/extension.cjs`. */
export async function buildExtension(): Promise<void> {
  await run(process.execPath, ['esbuild.js'], { cwd: root });
}

/** Bytes the packed extension may take. */
const limit = 1.5 * 1024 * 1024;

/** Packs the extension for people. @returns the path of the .vsix @throws when it is too large */
export async function packExtension(): Promise<string> {
  const file = path.join(root, 'oci-explorer.vsix');
  await timed('Packing oci-explorer.vsix', () =>
    run(
      process.execPath,
      [
        path.join(root, 'node_modules/@vscode/vsce/vsce'),
        ...['package', '--no-dependencies', '--allow-missing-repository', '--no-rewrite-relative-links'],
        ...['--out', file],
      ],
      { cwd: root },
    ),
  );
  const { size } = statSync(file);
  if (size >= limit) {
    throw new Error(`${file} has ${size} bytes, more than ${limit}`);
  }
  return file;
}

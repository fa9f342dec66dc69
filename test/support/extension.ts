import path from 'node:path';
import { root, timed } from './cache.ts';
import { run } from './run.ts';

/** Builds `dist/extension.cjs`. */
export async function buildExtension(): Promise<void> {
  await run(process.execPath, ['esbuild.js'], { cwd: root });
}

/** Packs the extension for people. @returns the path of the .vsix */
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
  return file;
}

import { globSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from '../cache.ts';
import { installPeers } from '../peers.ts';

/** `npm run bench -- push` runs only `test/bench/push.bench.ts`. */
const chosen = process.argv.slice(2);

await installPeers();
for (const file of globSync('test/bench/*.bench.ts', { cwd: root }).sort()) {
  const name = path.basename(file, '.bench.ts');
  if (chosen.length === 0 || chosen.includes(name)) {
    console.log(`\n${name}`);
    await import(pathToFileURL(path.join(root, file)).href);
  }
}

import { statSync } from 'node:fs';
import { packExtension } from '../extension.ts';

/** Bytes the packed extension may take. */
const limit = 1.5 * 1024 * 1024;

const file = await packExtension();
const { size } = statSync(file);
console.log(`${file}: ${(size / 1024).toFixed(0)} KiB`);
if (size >= limit) {
  console.error(`More than ${limit / 1024} KiB`);
  process.exit(1);
}

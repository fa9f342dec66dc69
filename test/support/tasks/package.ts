import { statSync } from 'node:fs';
import { packExtension } from '../extension.ts';

const file = await packExtension();
console.log(`${file}: ${(statSync(file).size / 1024).toFixed(0)} KiB`);

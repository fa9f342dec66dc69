import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { run } from './run.ts';

/** Paths of PEM files: a certificate for loopback and its key, signed by a private authority. */
export async function privateCertificate(folder: string): Promise<{ cert: string; key: string; ca: string }> {
  mkdirSync(folder, { recursive: true });
  await run('go', ['run', './certificate', folder], { cwd: path.join(import.meta.dirname, 'go') });
  const file = (name: string): string => path.join(folder, `${name}.pem`);
  return { cert: file('cert'), key: file('key'), ca: file('ca') };
}

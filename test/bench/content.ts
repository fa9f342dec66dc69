import { createCipheriv } from 'node:crypto';
import { mkdir, open, writeFile } from 'node:fs/promises';
import path from 'node:path';

const MiB = 1024 * 1024;

/** Bytes that do not compress, the same on every run. */
export function noise(size: number, seed: number): Buffer {
  const key = Buffer.alloc(16);
  key.writeUInt32LE(seed);
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(size));
}

const words =
  noise(6000, 3)
    .toString('hex')
    .match(/.{3,9}/g) ?? [];

/** Text, about a fifth of it left by gzip. */
export function text(size: number, seed: number): Buffer {
  const picks = noise(size, seed);
  const parts: string[] = [];
  for (let at = 0, length = 0; length < size; at += 2) {
    const word = words[picks.readUInt16LE(at) % 600] ?? '';
    parts.push(word);
    length += word.length + 1;
  }
  return Buffer.from(parts.join(' ')).subarray(0, size);
}

/** So many files of 66 kB in the middle, in folders of 20, every other one text. */
export async function makeFolder(folder: string, files: number): Promise<void> {
  const folders = Math.ceil(files / 20);
  for (let at = 0; at < files; at++) {
    const inner = path.join(folder, `part-${at % folders}`);
    await mkdir(inner, { recursive: true });
    const size = 1_000 + ((at * 7919) % 132_000);
    await writeFile(path.join(inner, `file-${at}.dat`), at % 2 === 0 ? text(size, at) : noise(size, at));
  }
}

export async function makeFile(file: string, size: number, seed = 0): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  const handle = await open(file, 'w');
  for (let at = 0; at < size; at += MiB) {
    await handle.write(noise(Math.min(MiB, size - at), seed * 100_000 + at / MiB));
  }
  await handle.close();
}

/** So many files of one size, each another content. */
export async function makeFiles(folder: string, files: number, size: number): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (let at = 0; at < files; at++) {
    await writeFile(path.join(folder, `f-${at}`), noise(size, 7_000_000 + at));
  }
}

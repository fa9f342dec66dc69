import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';

/** All that is below a folder: kind, permission bits, time, and content or where a link leads. */
export async function snapshot(
  folder: string,
  { times = true }: { readonly times?: boolean } = {},
): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {};
  const walk = async (path: string, name: string): Promise<void> => {
    const stats = await lstat(path);
    const mode = (stats.mode & 0o777).toString(8);
    const time = times ? ` ${Math.floor(stats.mtimeMs)}` : '';
    if (stats.isSymbolicLink()) {
      found[name] = `link ${await readlink(path)}`;
    } else if (stats.isDirectory()) {
      found[name] = `folder ${mode}${time}`;
      for (const each of await readdir(path)) {
        await walk(join(path, each), `${name}/${each}`);
      }
    } else {
      found[name] = `file ${mode}${time} ${(await readFile(path)).toString('base64')}`;
    }
  };
  await walk(folder, '.');
  return found;
}
